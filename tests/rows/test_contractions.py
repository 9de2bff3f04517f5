"""`tensordot`, `dot`, `inner`, `outer` by the direct way: NumPy's bits, any strides, gradients."""

import numpy as np
import pytest

import fastgrad
import fastgrad.numpy as xp
from fastgrad import Variable
from fastgrad.testing import check_gradients

AXES = {
    "inner": lambda k: ([*range(-k, 0)], [*range(k)]),
    "last": lambda k: ([*range(-k, 0)], [*range(-k, 0)]),
    "first": lambda k: ([*range(k)], [*range(k)]),
}


def drawn(rng, layout, dtype=np.float64, longest=5):
    """Two operands with two free axes at most each, in any order in memory, and the axes."""
    k = int(rng.integers(0, 3))
    free = [rng.integers(1, longest, rng.integers(0, 3)).tolist() for _ in range(2)]
    shared = rng.integers(1, longest, k).tolist()
    left = shared + free[0] if layout == "first" else free[0] + shared
    right = free[1] + shared if layout == "last" else shared + free[1]
    xs = []
    for shape in (left, right):
        order = rng.permutation(len(shape))
        x = rng.standard_normal([2 * shape[i] for i in order]).astype(dtype)
        x = x[(slice(None, None, 2),) * len(shape)]
        x = x if rng.random() < 0.5 else x.copy()
        xs.append(np.asarray(x.transpose(np.argsort(order)) if shape else x))
    return *xs, AXES[layout](k)


@pytest.mark.parametrize("layout", AXES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_are_numpys_to_the_last_bit(layout, dtype):
    rng = np.random.default_rng(1)
    for _ in range(300):
        a, b, axes = drawn(rng, layout, dtype)
        for f in (lambda x, y, axes=axes: np.tensordot(x, y, axes), np.dot, np.inner, np.outer):
            try:
                expected = np.asarray(f(a, b))
            except ValueError:
                with pytest.raises(ValueError):
                    f(Variable(a), b)
                continue
            y = f(Variable(a), b).data
            assert y.dtype == expected.dtype
            np.testing.assert_array_equal(y, expected, strict=True)


@pytest.mark.parametrize("layout", AXES)
def test_gradients_to_second_order(layout):
    rng = np.random.default_rng(2)
    for _ in range(12):
        a, b, axes = drawn(rng, layout, longest=4)
        check_gradients(lambda x, y, axes=axes: np.tensordot(x, y, axes), a, b, order=2)


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (np.dot, ((3,), (3,))),
        (np.dot, ((2, 3), (3,))),
        (np.dot, ((3,), (3, 2))),
        (np.dot, ((2, 2, 3), (3, 2))),
        (np.dot, ((2, 3), (2, 3, 2))),
        (np.dot, ((2, 2, 3), (2, 1, 3, 2))),
        (np.dot, ((), (2, 3))),
        (np.inner, ((2, 3), (2, 2, 3))),
        (np.inner, ((3,), (3,))),
        (np.outer, ((2,), (3,))),
        (np.outer, ((2, 2), (3, 1))),
    ],
)
def test_gradients_and_jacobians(f, shapes):
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(shape) for shape in shapes)
    check_gradients(f, a, b, order=2)
    n = f(a, b).ndim
    for i in range(2):
        found = fastgrad.jacobian(f, i)(a, b)
        x = (a, b)[i]
        for at in np.ndindex(x.shape):  # it is linear in each operand
            unit = np.zeros(x.shape)
            unit[at] = 1.0
            column = f(unit, b) if i == 0 else f(a, unit)
            np.testing.assert_allclose(found[(slice(None),) * n + at], column, atol=1e-12)


@pytest.mark.parametrize("layout", AXES)
def test_recorded_gradients_are_those_of_arrays_to_the_last_bit(layout):
    rng = np.random.default_rng(4)
    for _ in range(100):
        a, b, axes = drawn(rng, layout)
        for f in (lambda x, y, axes=axes: np.tensordot(x, y, axes), np.dot, np.inner, np.outer):
            x, y = Variable(a), Variable(b)
            try:
                z = f(x, y)
            except ValueError:
                continue
            gz = Variable(rng.standard_normal(z.shape))
            eager = fastgrad.gradients(z, [x, y], gz)
            recorded = fastgrad.gradients(z, [x, y], gz, create_graph=True)
            for one, other in zip(eager, recorded, strict=True):
                one, other = (getattr(gx, "data", gx) for gx in (one, other))
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


SHAPES = [
    ((2, 3), (3, 2)), ((2, 4, 3), (5, 3)), ((2, 3), (3,)), ((3,), (3,)), ((3, 2, 4), (2, 4, 5)),
    ((3,), (2, 3)), ((2, 4, 3), (3, 5)), ((2, 1), (1, 3)),
]  # fmt: skip


def test_the_rows_gradients_are_the_same_to_the_last_bit():
    """What a program calls as a Function goes by the row's VJPs."""
    rng = np.random.default_rng(5)
    for f in (xp.tensordot, xp.dot, xp.inner, xp.outer):
        for left, right in SHAPES:
            a, b = rng.standard_normal(left), rng.standard_normal(right)
            x, y = Variable(a), Variable(b)
            try:
                z = f(x, y)
            except (ValueError, IndexError):
                continue
            gz = rng.standard_normal(z.shape)
            direct = fastgrad.gradients(z, [x, y], gz)
            by_row = fastgrad.gradients(f.Function()(x, y), [x, y], gz)
            for one, other in zip(direct, by_row, strict=True):
                np.testing.assert_array_equal(one, other)


def test_what_is_recorded_has_the_name_of_the_function():
    x = Variable(np.ones((2, 3)))
    y = np.ones((3, 2))
    for f, name in ((np.dot, "Dot"), (np.inner, "Inner"), (np.outer, "Outer")):
        other = y.T if f is np.inner else y
        assert type(f(x, other).creator).__name__ == name
    assert type(np.tensordot(x, y, 1).creator).__name__ == "Tensordot"
    assert type(np.tensordot(x, y, [[0, 1], [1, 0]]).creator).__name__ == "Tensordot"


def test_overflow_is_reported_as_numpy_does():
    x = Variable(np.full((2, 2), 1e200))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        np.tensordot(x, np.full((2, 2), 1e200), 1)
    with np.errstate(over="ignore"):
        assert np.isinf(np.tensordot(x, np.full((2, 2), 1e200), 1).data).all()


def test_leaves_of_a_fan_are_found_once():
    """Through nodes that many lead to, and through Variables that are kept."""
    from fastgrad._core.ends import depend, leaves

    for keep in (False, True):
        with fastgrad.using_config("keep_variables", keep):
            x, w = Variable(np.ones(2)), Variable(np.ones(2))
            y = x * w
            for _ in range(60):  # 2^60 ways
                y = y + y
            assert {id(leaf) for leaf in leaves([y, y])} == {id(x), id(w)}
            assert len(leaves([y, y])) == 2
            assert depend([y], [x], -1)
            assert not depend([y, 1.0, np.ones(2)], [x, w], -1)
            many = [Variable(np.ones(())) for _ in range(1000)]
            assert len(leaves([sum(many[:500]) * sum(many)])) == 1000
