"""The gradients of the samples against PyTorch's, in float64, where PyTorch is installed."""

import numpy as np
import pytest
from test_rows import SAMPLES, call, directions, gradients_of, operands, outputs, with_operands

from fastgrad import Variable

torch = pytest.importorskip("torch")

NAMES = """
add subtract multiply divide negative exp exp2 expm1 log log2 log10 log1p sqrt square reciprocal sin
cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh absolute logaddexp logaddexp2
hypot arctan2 maximum minimum fmax fmin copysign float_power cumsum cumprod trace diff matmul
inner tensordot kron vdot where
linalg.inv linalg.solve linalg.det linalg.slogdet linalg.pinv linalg.matrix_power linalg.multi_dot
fft.fft fft.ifft fft.rfft fft.irfft fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.fftshift fft.ifftshift
""".split()
KEYWORDS = {"axis": "dim", "axes": "dim", "n": "n", "s": "s", "norm": "norm"}


def comparable(sample):
    """Whether PyTorch has the function with these arguments."""
    return (
        sample.name in NAMES
        and sample.orders >= 1
        and sample.function is None
        and set(sample.kwargs) <= set(KEYWORDS)
        and all(x.dtype.kind == "f" for x in operands(sample))
        and not is_singular(sample)
    )


def is_singular(sample):
    """Whether it is a determinant at a place where PyTorch divides by it; ours is right there."""
    return sample.name == "linalg.det" and np.any(abs(np.linalg.det(sample.args[0])) < 1e-9)


def torch_outputs(sample, xs):
    function = torch
    for part in sample.name.split("."):
        function = getattr(function, part)
    args = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x
            for x in with_operands(sample, xs)]  # fmt: skip
    y = function(*args, **{KEYWORDS[key]: x for key, x in sample.kwargs.items()})
    ys = list(y) if isinstance(y, (list, tuple)) else [y]
    return [y for y in ys if y.is_floating_point() or y.is_complex()]


@pytest.mark.parametrize("sample", [s for s in SAMPLES if comparable(s)], ids=str)
def test_gradients_are_pytorchs(sample):
    xs = operands(sample)
    leaves = [torch.from_numpy(np.array(x)).requires_grad_() for x in xs]
    try:
        ys = torch_outputs(sample, leaves)
    except (TypeError, RuntimeError, AttributeError) as error:
        pytest.skip(f"PyTorch takes other arguments: {error}")
    mine = outputs(call(sample, [Variable(x) for x in xs]))
    if [tuple(y.shape) for y in ys] != [y.shape for y in mine]:
        pytest.skip("PyTorch's result has another shape")
    ws = directions(mine, sample.name)
    # PyTorch's complex gradients are the conjugates of ours; the inner product is of real parts.
    total = sum(
        (y * torch.from_numpy(w if y.is_complex() else np.asarray(w.real))).real.sum()
        for y, w in zip(ys, ws, strict=True)
    )
    total.backward()
    for actual, x in zip(gradients_of(sample, xs, ws), leaves, strict=True):
        expected = np.zeros(x.shape) if x.grad is None else x.grad.numpy()
        np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-10)
