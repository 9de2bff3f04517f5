"""`differentiable = True`: a Python backward that works on Variables."""

import numpy as np

from fastgrad import Function, Variable


def test_differentiable_function_gets_and_returns_variables():
    seen = []

    class Cube(Function):
        differentiable = True

        def forward(self, x):
            return x**3

        def backward(self, gy):
            seen.append(gy)
            (x,) = self.inputs
            return 3 * x * x * gy

    x = Variable(np.array([1.0, 2.0]))
    y = Cube()(x)
    y.backward()
    assert isinstance(seen[0], Variable)
    assert type(x.grad) is np.ndarray
    assert np.array_equal(x.grad, [3, 12])


def test_differentiable_function_may_return_arrays_none_and_scalars():
    class Mixed(Function):
        differentiable = True

        def forward(self, x0, x1, x2):
            return x0 + x1 + x2

        def backward(self, gy):
            return gy.data * 2, None, 3.0

    xs = [Variable(np.array(1.0)) for _ in range(3)]
    Mixed()(*xs).backward()
    assert [x.grad for x in xs] == [2.0, None, 3.0]
