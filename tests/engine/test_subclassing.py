"""Built-in operations as classes: instances of one's own, subclasses, methods called by hand."""

import numpy as np
import pytest


def leaf(lib, x=3.0):
    return lib.Variable(np.array(x))


@pytest.mark.parametrize("name", ["Add", "Mul"])
def test_instances_of_add_and_mul_can_be_made_and_called(lib, name):
    cls = getattr(lib, name)
    x0, x1, f = leaf(lib, 2.0), leaf(lib, 5.0), cls()
    y = f(x0, x1)
    y.backward()
    assert isinstance(f, lib.Function)
    assert y.creator is f
    assert (float(x0.grad), float(x1.grad)) == ((1, 1) if name == "Add" else (5, 2))


def test_subclass_of_mul_may_override_forward_and_call_super(lib):
    class Noisy(lib.Mul):
        calls = 0

        def forward(self, x0, x1):
            self.calls += 1
            return super().forward(x0, x1)

        def backward(self, gy):
            gx0, gx1 = super().backward(gy)
            return 10 * gx0, gx1

    x0, x1 = leaf(lib, 2.0), leaf(lib, 5.0)
    y = Noisy()(x0, x1)
    y.backward()
    assert (y.creator.calls, float(y.data), float(x0.grad), float(x1.grad)) == (1, 10, 50, 2)


def test_subclass_of_add_may_override_backward_alone(lib):
    class Twice(lib.Add):
        def backward(self, gy):
            return 2 * gy, 2 * gy

    x0, x1 = leaf(lib), leaf(lib)
    y = Twice()(x0, x1)
    y.backward()
    assert (float(y.data), float(x0.grad), float(x1.grad)) == (6, 2, 2)


def test_forward_and_backward_of_built_ins_can_be_called_by_hand(lib):
    x0, x1 = np.array([2.0]), np.array([5.0])
    assert lib.Add().forward(x0, x1) == 7
    assert lib.Mul().forward(x0, x1) == 10
    y = lib.mul(lib.Variable(x0), lib.Variable(x1))
    assert [float(gx[0]) for gx in y.creator.backward(np.array([1.0]))] == [5, 2]


def test_forward_and_backward_not_written_raise_not_implemented(lib):
    class Half(lib.Function):
        def forward(self, x):
            return x / 2

    with pytest.raises(NotImplementedError):
        lib.Function()(leaf(lib))
    y = Half()(leaf(lib))
    with pytest.raises(NotImplementedError):
        y.backward()
