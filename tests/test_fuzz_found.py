"""What fuzzing found, kept: each once failed."""

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import Variable, gradients


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
