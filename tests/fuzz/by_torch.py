"""The operations of the programs by PyTorch; imported only where that is installed."""

import numpy as np
import torch


class Torch:
    """PyTorch's functions under NumPy's names."""

    max = staticmethod(lambda x, axis: torch.amax(x, axis))
    min = staticmethod(lambda x, axis: torch.amin(x, axis))
    sum = staticmethod(lambda x, axis=None: torch.sum(x) if axis is None else torch.sum(x, axis))
    mean = staticmethod(lambda x, axis=None: torch.mean(x) if axis is None else torch.mean(x, axis))
    var = staticmethod(lambda x, axis: torch.var(x, axis, correction=0))
    diff = staticmethod(lambda x, axis: torch.diff(x, dim=axis))
    flip = staticmethod(lambda x, axis: torch.flip(x, (axis,)))
    repeat = staticmethod(torch.repeat_interleave)
    transpose = staticmethod(lambda x: x.permute(tuple(reversed(range(x.ndim)))))
    expand_dims = staticmethod(torch.unsqueeze)
    solve, inv, det = torch.linalg.solve, torch.linalg.inv, torch.linalg.det
    cholesky = torch.linalg.cholesky
    kron = staticmethod(lambda x, y: torch.kron(x.contiguous(), y.contiguous()))
    logabsdet = staticmethod(lambda m: torch.linalg.slogdet(m)[1])

    def __getattr__(self, name):
        return getattr(torch, name)

    @staticmethod
    def values(x):
        return x.detach()

    @staticmethod
    def constant(w):
        return torch.from_numpy(np.asarray(w))

    @staticmethod
    def take(x, index, axis):
        return torch.index_select(x, axis, torch.tensor(index) % x.shape[axis])

    @staticmethod
    def spectrum(x, axis):
        y = torch.fft.rfft(x, dim=axis)
        return y.real + y.imag * 2


TORCH = Torch()


def torch_gradients(f, leaves, directions):
    """The value, the gradients, and those of their inner product with the directions, if any."""
    xs = [torch.from_numpy(np.array(x)).requires_grad_() for x in leaves]
    y = f(xs)
    gxs = torch.autograd.grad(y, xs, create_graph=directions is not None, allow_unused=True)
    seconds = None
    if directions is not None:
        inner = sum(
            (g * torch.from_numpy(d)).sum()
            for g, d in zip(gxs, directions, strict=True) if g is not None
        )  # fmt: skip
        seconds = [None] * len(xs)
        if isinstance(inner, torch.Tensor) and inner.requires_grad:
            seconds = torch.autograd.grad(inner, xs, allow_unused=True)
        seconds = arrays(seconds, leaves)
    return np.asarray(y.detach().numpy()), arrays(gxs, leaves), seconds


def arrays(gxs, leaves):
    """NumPy's arrays of them, zeros where there is none."""
    return [
        np.zeros(x.shape) if g is None else g.detach().numpy(force=True)
        for g, x in zip(gxs, leaves, strict=True)
    ]
