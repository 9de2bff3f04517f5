"""fastgrad.functions.elementwise: where no derivative exists, infinities, NaN, what is refused."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from helpers import assert_same_bits

import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad._core.protocols import handlers
from fastgrad.functions import elementwise
from fastgrad.op import groups

INF, NAN = np.inf, np.nan


def gradients(f, *xs, gy=None, **kwargs):
    """The gradient of `f` for each operand; of a Python number it is None."""
    xs = [Variable(np.asarray(x)) if not isinstance(x, (int, float)) else x for x in xs]
    y = f(*xs, **kwargs)
    if gy is not None:
        y.grad = np.asarray(gy)
    y.backward()
    return [x.grad if isinstance(x, Variable) else None for x in xs]


def gradient(f, x, *args, **kwargs):
    return gradients(f, np.asarray(x), *args, **kwargs)[0]


# --- zero ---


@pytest.mark.parametrize("f", [np.absolute, np.fabs, np.sign, np.square], ids=lambda f: f.__name__)
def test_gradient_is_0_at_0(f):
    np.testing.assert_array_equal(gradient(f, [0.0, -0.0]), [0, 0])
    if f is not np.fabs:
        np.testing.assert_array_equal(gradient(f, [0j]), [0])


def test_functions_of_two_operands_have_gradient_0_at_0():
    for f in (np.hypot, np.arctan2):
        for gx in gradients(f, [0.0, -0.0], [-0.0, 0.0]):
            np.testing.assert_array_equal(gx, [0, 0])
    np.testing.assert_array_equal(gradient(np.angle, [0j, 1j]), [0, -1])
    np.testing.assert_array_equal(gradient(np.copysign, [0.0, -2.0], -1.0), [0, 1])


@pytest.mark.parametrize("x", [2.0, -3.0, 0.0])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 0.5, -1, np.array(0), np.array(0.0), np.array(2.0)])
def test_power_has_the_gradients_of_the_operator(x, n):
    with np.errstate(all="ignore"):
        row = elementwise.power.vjp[0](np, np.array(1.0), None, np.array(x), n)
        for f in (np.power, np.float_power):
            expected = gradient(lambda x: x**n, x)
            np.testing.assert_allclose(gradient(lambda x, f=f: f(x, n), x), expected, rtol=1e-15)
            np.testing.assert_allclose(row, expected, rtol=1e-15)


def test_power_at_0():
    a, b = gradients(np.power, [0.0, 0.0, 0.0], [0.0, 1.0, 2.5])
    np.testing.assert_array_equal(a, [0, 1, 0])
    np.testing.assert_array_equal(b, [0, 0, 0])


def test_arctan2_neither_overflows_nor_underflows():
    a, b = gradients(np.arctan2, [3e200, 3e-200], [4e200, 4e-200])
    np.testing.assert_allclose(a, [4 / 25e200, 4 / 25e-200])
    np.testing.assert_allclose(b, [-3 / 25e200, -3 / 25e-200])


def test_angle_of_real_numbers_has_gradient_0():
    np.testing.assert_array_equal(gradient(np.angle, [0.0, -1.0, 2.0]), [0, 0, 0])


# --- ties, and NaN ---


@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin"])
def test_ties_share_evenly(name):
    f = getattr(np, name)
    for gx in gradients(f, [1.0, INF, -INF, 0.0], [1.0, INF, -INF, -0.0], gy=[1.0, 2.0, 3.0, 4.0]):
        np.testing.assert_array_equal(gx, [0.5, 1, 1.5, 2])
    assert gradient(f, 0.0, 0) == 0.5


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_nan_of_maximum_has_no_gradient(name):
    for gx in gradients(getattr(np, name), [NAN, 1.0, NAN], [1.0, NAN, NAN]):
        np.testing.assert_array_equal(gx, [0, 0, 0])


@pytest.mark.parametrize("name", ["fmax", "fmin"])
def test_fmax_gives_the_gradient_to_what_is_not_nan(name):
    a, b = gradients(getattr(np, name), [NAN, 1.0], [1.0, NAN])
    np.testing.assert_array_equal(a, [0, 1])
    np.testing.assert_array_equal(b, [1, 0])


def test_complex_maximum_goes_by_the_real_part_first():
    a, b = gradients(np.maximum, [1 + 5j, 1 + 1j], [2 - 9j, 1 + 1j])
    np.testing.assert_array_equal(a, [0, 0.5])
    np.testing.assert_array_equal(b, [1, 0.5])


def test_clip_is_a_minimum_of_a_maximum():
    xs = [-2.0, -1.0, 0.0, 1.0, 2.0, NAN], [-1.0] * 6, [1.0] * 6
    expected = gradients(lambda a, low, high: np.minimum(np.maximum(a, low), high), *xs)
    for actual in (
        gradients(np.clip, *xs),
        gradients(lambda a, low, high: fnp.clip(a, min=low, max=high), *xs),
        gradients(lambda a, low, high: fnp.clip(a, a_max=high, a_min=low), *xs),
    ):
        np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(expected[0], [0, 0.5, 1, 0.5, 0, 0])
    np.testing.assert_array_equal(gradient(np.clip, [0.0, 1.0], 3.0, -3.0), [0, 0])


def test_clip_leaves_the_errors_to_numpy():
    x = Variable(np.ones(2))
    with pytest.raises((TypeError, ValueError)):
        fnp.clip(x, 0, min=1)
    with pytest.raises(TypeError, match="Variable"):
        np.clip(np.ones(2), 0, 1, out=x)
    out = np.zeros(2)
    y = np.clip(x, 2, 3, out=out)
    assert isinstance(y, Variable)
    np.testing.assert_array_equal(out, [2, 2])
    assert fnp.clip(np.ones(2), 2, 3, out=out) is out


def test_bounds_of_clip_that_are_left_out():
    x = Variable(np.array([-1.0, 3.0]))
    for y in (np.clip(x, None, 2.0), fnp.clip(x, max=2.0), np.clip(x, a_min=None, a_max=2.0)):
        x.cleargrad()
        y.backward()
        np.testing.assert_array_equal(x.grad, [1, 0])


# --- infinities ---


def test_logaddexp_of_infinities():
    for f in (np.logaddexp, np.logaddexp2):
        a, b = gradients(f, [-INF, -INF, 1.0, INF, INF, -INF], [1.0, -INF, INF, 1.0, INF, INF])
        np.testing.assert_array_equal(a, [0, 0.5, 0, 1, 0.5, 0])
        np.testing.assert_array_equal(b, [1, 0.5, 1, 0, 0.5, 1])


@pytest.mark.parametrize("x", [1e4, -1e15, 1e308])
def test_logaddexp_of_large_numbers_is_exact(x):
    assert gradients(np.logaddexp, [x], [x]) == [0.5, 0.5]


def test_where_the_mask_is_off_nothing_leaks():
    x = Variable(np.array([0.0, 2.0]))
    with np.errstate(divide="ignore"):
        y = np.where(x > 0, np.log(np.where(x > 0, x, 1)), 5.0)
    y.backward()
    np.testing.assert_array_equal(x.grad, [0, 0.5])
    a, b = gradients(lambda a, b: np.where([True, False], a, b), [1.0, INF], [NAN, 2.0])
    np.testing.assert_array_equal(a, [1, 0])
    np.testing.assert_array_equal(b, [0, 1])


def test_where_takes_a_variable_for_the_condition():
    condition, x = Variable(np.array([1.0, 0.0])), Variable(np.array([2.0, 3.0]))
    np.where(condition, x, 0).backward()
    np.testing.assert_array_equal(x.grad, [1, 0])
    assert condition.grad is None


def test_nan_to_num():
    x = np.array([NAN, INF, -INF, 2.0])
    np.testing.assert_array_equal(gradient(np.nan_to_num, x), [0, 0, 0, 1])
    z = np.array([complex(INF, 1), complex(1, NAN), 2 + 1j])
    gy = np.array([2 + 3j, 2 + 3j, 2 + 3j])
    np.testing.assert_array_equal(gradients(np.nan_to_num, z, gy=gy)[0], [3j, 2, 2 + 3j])


def test_nan_to_num_never_writes_into_a_variable():
    x = np.array([NAN, 1.0])
    with pytest.raises(TypeError, match="copy=True"):
        np.nan_to_num(Variable(x), copy=False)
    assert np.isnan(x[0])
    assert fnp.nan_to_num(x, copy=False) is x
    assert x[0] == 0


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-310, 1e300, INF, -INF, NAN])


@pytest.mark.parametrize("name", elementwise.__all__)
def test_special_values_are_numpys(name):
    """Every function at special values, and pairs of them: NumPy's bits, and a gradient."""
    f = getattr(np, name)
    n = getattr(f, "nin", {"where": 3, "clip": 3}.get(name, 1))
    grid = list(np.meshgrid(*[SPECIAL] * n, indexing="ij"))
    if name in ("where", "ldexp"):
        i = 0 if name == "where" else 1
        grid[i] = np.nan_to_num(np.clip(grid[i], -3, 3)).astype(int)
    with np.errstate(all="ignore"):
        expected = f(*grid)
        xs = [Variable(x) if x.dtype.kind == "f" else x for x in grid]
        actual = f(*xs)
        many = isinstance(expected, tuple)
        for a, b in zip(
            actual if many else [actual], expected if many else [expected], strict=True
        ):
            assert_same_bits(a.data, b, name)
            if a.dtype.kind == "f":
                a.backward()
        for x in xs:
            assert not isinstance(x, Variable) or x.grad.shape == x.shape


# --- series ---


def test_sinc_about_0():
    """Against the same formula with more digits, and the second derivative at 0."""
    x = np.concatenate(
        [[0.0], np.geomspace(1e-12, 3, 200), [1 / np.pi, np.nextafter(1 / np.pi, 0)]]
    )
    t = np.pi * x
    series = -t / 3 + t**3 / 30 - t**5 / 840 + t**7 / 45360
    wide = np.longdouble(np.pi) * x
    with np.errstate(invalid="ignore"):
        direct = (np.cos(wide) - np.sin(wide) / wide) / wide
    expected = np.where(t < 0.05, series, direct).astype(float)
    np.testing.assert_allclose(gradient(np.sinc, x), np.pi * expected, rtol=1e-12, atol=1e-15)
    v = Variable(np.array([0.0, 1e-6]))
    elementwise.sinc.vjp[0](fnp, 1.0, np.sinc(v), v).backward()
    np.testing.assert_allclose(v.grad, -(np.pi**2) / 3, rtol=1e-10)


def test_gradient_of_i0():
    """Values of I1 from tables (DLMF 10.25, Abramowitz and Stegun 9.8)."""
    x = [0.0, 1e-8, 1.0, -1.0, 10.0, 700.0]
    i1 = [0.0, 5e-9, 0.5651591039924850, -0.5651591039924850, 2670.988303701255, 1.5284994e302]
    np.testing.assert_allclose(gradient(np.i0, x)[:-1], i1[:-1], rtol=1e-14)
    # Far right I1(x) / I0(x) is 1 - 1 / (2 x) - 1 / (8 x**2) - 1 / (8 x**3) - ...
    ratio = gradient(np.i0, 700.0) / np.i0(700.0)
    assert ratio == pytest.approx(1 - 1 / 1400 - 1 / (8 * 700**2) - 1 / (8 * 700**3), rel=1e-11)


def test_frexp_and_ldexp_scale_exactly():
    x = Variable(np.array([6.0, -0.1, 0.0]))
    mantissa, exponent = np.frexp(x)
    assert not exponent.requires_grad
    mantissa.backward()
    np.testing.assert_array_equal(x.grad, [1 / 8, 8, 1])
    np.testing.assert_array_equal(gradient(lambda x: np.ldexp(x, [3, -2]), [1.0, 5.0]), [8, 0.25])


def test_fmod_takes_the_exact_quotient():
    """The quotient of floating-point numbers may round up to the next integer."""
    a, b = np.array([np.nextafter(3 * (9 / 7), 0), 0.6, -7.5]), np.array([9 / 7, 0.2, 2.0])
    exact = [math.trunc(Fraction(p) / Fraction(q)) for p, q in zip(a, b, strict=True)]
    assert exact != np.trunc(a / b).tolist()
    np.testing.assert_array_equal(gradients(np.fmod, a, b)[1], np.negative(exact))


# --- dtypes, keywords, what is plain ---


def test_real_operands_of_complex_results_get_real_gradients():
    a, b = gradients(np.multiply, [1.0, 2.0], [1j, 2 + 1j], gy=[1 + 1j, 1j])
    assert a.dtype == float
    np.testing.assert_array_equal(a, [-1, -1])


def test_sign_of_complex_numbers_turns_only():
    z = np.array([3 + 4j])
    along, across = z, 1j * z
    gx = gradients(np.sign, z, gy=[0.3 - 0.7j])[0]
    assert abs((gx * along).real) < 1e-15
    h = 1e-6
    difference = ((np.sign(z + h * across) - np.sign(z - h * across)) / (2 * h) * (0.3 - 0.7j)).real
    np.testing.assert_allclose((gx * across).real, difference, rtol=1e-9)


def test_where_and_out_of_ufuncs():
    x, mask, out = Variable(np.array([-1.0, 4.0])), np.array([False, True]), np.zeros(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = np.log(x, where=mask, out=out)
    y.backward()
    np.testing.assert_array_equal(x.grad, [0, 0.25])
    np.testing.assert_array_equal(out, [0, math.log(4)])


ONE = """
    isfinite isinf isnan isneginf isposinf signbit isreal isrealobj iscomplex iscomplexobj
    logical_not
""".split()  # fmt: skip
TWO = """
    equal not_equal less less_equal greater greater_equal isclose allclose array_equal array_equiv
    logical_and logical_or logical_xor
""".split()  # fmt: skip


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_what_is_true_is_plain(name):
    f, x = getattr(np, name), np.array([0.0, -1.0, INF])
    args = (x,) if name in ONE else (x, x[::-1])
    actual = f(*map(Variable, args))
    assert groups[f] == ("plain result", "")
    assert type(actual) is type(f(*args))
    np.testing.assert_array_equal(actual, f(*args))


def test_integer_functions_are_plain():
    i = Variable(np.array([6, 4]))
    for name in ("bitwise_and bitwise_or bitwise_xor left_shift right_shift gcd lcm").split():
        np.testing.assert_array_equal(getattr(np, name)(i, 2), getattr(np, name)(i.data, 2))
    for name in ("invert", "bitwise_count"):
        np.testing.assert_array_equal(getattr(np, name)(i), getattr(np, name)(i.data))


def test_every_ufunc_is_answered():
    """But for the products, which are another chapter's."""
    ufuncs = {f for name in dir(np) if isinstance(f := getattr(np, name), np.ufunc)}
    missing = {f.__name__ for f in ufuncs if f not in handlers}
    assert missing <= {"matmul", "matvec", "vecmat", "vecdot"}
