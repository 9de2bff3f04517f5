"""What fuzzing found, kept: each once failed."""

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import Function, Variable, gradients


class Same(Function):
    def forward(self, x):
        return x

    def backward(self, gy):
        return gy


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", ["sum", "max", "min", "prod", "nansum"])
def test_reduction_of_a_0d_array_along_its_axis_0(name, axis, dtype):
    """NumPy allows it; backward looked for the axis (`python -m tests.fuzz machine --seed 2`)."""
    x = Variable(np.array(3, dtype))
    y = getattr(fnp, name)(x, axis=axis)
    y.backward()
    assert (x.grad, x.grad.shape, x.grad.dtype) == (1, (), np.dtype(dtype))
    assert gradients(getattr(fnp, name)(x, axis=axis), x, create_graph=True).data == 1


@pytest.mark.parametrize("use", [
    lambda y: y * 3, lambda y: y.sum(), fnp.arctan, lambda y: Same()(y), lambda y: y[0],
], ids=["operator", "sum", "row", "Function", "index"])  # fmt: skip
def test_data_of_another_shape_lets_no_gradient_pass(use):
    x = Variable(np.ones(3))
    y = x * 0.5
    y.data = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"made by Mul with shape \(3,\).*data of shape \(2, 3\)"):
        use(y)
    y.backward()  # what was recorded is as it was
    assert x.grad.tolist() == [0.5] * 3
    y.creator = None
    assert use(y).creator is not None
