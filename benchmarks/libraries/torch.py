"""PyTorch, on tensors that share the arrays' memory."""

import os
from types import SimpleNamespace

import numpy as np
import torch

from benchmarks.libraries.protocol import Library, namespace


class Sine(torch.autograd.Function):
    """The sine, an operation of the user's own."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * torch.cos(x)


class Adapter(Library):
    """PyTorch."""

    MOST_NODES = 10**6
    xp = namespace(torch)
    routines = SimpleNamespace(
        prod=torch.prod,
        median=lambda x, axis: torch.median(x, axis).values,
        einsum=lambda *args, optimize=None: torch.einsum(*args),
        cholesky=torch.linalg.cholesky,
        sort=lambda x: torch.sort(x).values,
    )

    def __init__(self):
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))

    def version(self):
        return torch.__version__

    def threads(self):
        return torch.get_num_threads()

    def array(self, a):
        return torch.from_numpy(np.asarray(a))

    def to_numpy(self, a):
        return a.numpy()

    def leaf(self, a):
        tensor = torch.from_numpy(a) if isinstance(a, np.ndarray) else a.detach()
        return tensor.requires_grad_()

    def backward(self, graph, leaves):
        graph.backward(None if graph.ndim == 0 else torch.ones_like(graph))
        return [x.grad for x in leaves]

    def value(self, graph):
        return graph.detach()

    def evaluate(self, f, leaves):
        with torch.no_grad():
            return f(*leaves)

    def sine(self, x):
        return Sine.apply(x)

    def hessian(self, f):
        return torch.func.hessian(f)

    def jacobian(self, f):
        return torch.func.jacrev(f)
