"""Every differentiable function of NumPy, driven by the table of samples."""

from __future__ import annotations

import functools
import importlib
from collections import defaultdict

import numpy as np
import pytest
from helpers import assert_close, assert_same_bits, each
from samples.sample import FLOATING, Sample, rng_for

import fastgrad.numpy as fnp
from fastgrad import Variable, gradients
from fastgrad._core.row import Row
from fastgrad.op import groups

CHAPTERS = (
    "elementwise reductions shaping indexing products linalg fft special polynomials scipys".split()
)
SAMPLES: list[Sample] = [
    sample
    for chapter in CHAPTERS
    for sample in importlib.import_module(f"samples.{chapter}").SAMPLES
]


def of_each(samples):
    """Make a test of a sample one of all samples of a function: as many, but quicker to set up.

    Each that fails is reported. The test of a sample stays there, as `of_one`.
    """
    named = defaultdict(list)
    for sample in samples:
        named[sample.name].append(sample)

    def decorate(of_one):
        @pytest.mark.parametrize("name", named)
        def test(name, subtests):
            each(named[name], of_one, subtests)

        test.__name__, test.__doc__, test.of_one = of_one.__name__, of_one.__doc__, of_one
        return test

    return decorate


def of_order(order, suits=lambda sample: True):
    return of_each([s for s in SAMPLES if s.orders >= order and suits(s)])


# --- operands ---


def is_operand(x):
    return isinstance(x, np.ndarray) and x.dtype.kind in FLOATING


def operands(sample):
    """The arrays that become Variables, in their order."""
    found = []
    for x in sample.args:
        found += [y for y in (x if isinstance(x, (list, tuple)) else [x]) if is_operand(y)]
    return found


def with_operands(sample, xs):
    """The arguments, with these in place of the operands."""
    xs = iter(xs)

    def replace(x):
        if isinstance(x, (list, tuple)):
            return x.__class__(map(replace, x))  # (a replayed function asks for no `type`)
        return next(xs) if is_operand(x) else x

    return tuple(map(replace, sample.args))


def variables(sample, xs):
    """Variables of the operands, but for those that stay fixed."""
    return [x if i in sample.fixed else Variable(x) for i, x in enumerate(xs)]


def found(name, namespace):
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


def function_of(sample, namespace):
    return sample.function or found(sample.name, namespace)


def call(sample, xs):
    return function_of(sample, fnp)(*with_operands(sample, xs), **sample.kwargs)


def outputs(y):
    """What was returned, as a list of what can have a gradient."""
    ys = list(y) if isinstance(y, (list, tuple)) else [y]
    return [y for y in ys if isinstance(y, Variable) and y.dtype.kind in FLOATING]


def inner(ys, ws):
    """The real part of the sum of the products: a number that every element of `ys` moves."""
    total = 0.0
    for y, w in zip(ys, ws, strict=True):
        total = total + fnp.sum(fnp.real(y * w))
    return total


def directions(xs, *key):
    kinds = tuple((x.shape, x.dtype.kind == "c") for x in xs)
    return [x.copy() for x in drawn(key, kinds)]


@functools.cache
def drawn(key, kinds):
    """Random numbers that depend on the key alone; the tests draw many of them anew."""
    rng = rng_for(*key)
    return [
        np.asarray(
            rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if is_complex else 0)
        )
        for shape, is_complex in kinds
    ]


# --- values ---


@of_order(0)
def test_forward_is_numpys_bit_for_bit(sample):
    xs = operands(sample)
    expected = (sample.forward or function_of(sample, np))(*sample.args, **sample.kwargs)
    actual = call(sample, variables(sample, xs))
    many = isinstance(expected, (list, tuple))
    assert not many or (type(actual) is type(expected) and len(actual) == len(expected))
    for a, b in zip(actual if many else [actual], expected if many else [expected], strict=True):
        assert_same_bits(a.data if isinstance(a, Variable) else a, b, sample.name)


@of_order(0)
def test_arrays_alone_give_what_numpy_gives(sample):
    expected = (sample.forward or function_of(sample, np))(*sample.args, **sample.kwargs)
    actual = call(sample, operands(sample))
    assert type(actual) is type(expected)
    assert not isinstance(actual, Variable)


@of_order(1, lambda sample: sample.float32)
def test_float32_stays_float32(sample):
    single = {"f": np.float32, "c": np.complex64}
    xs = [x.astype(single[x.dtype.kind]) for x in operands(sample)]
    vs = variables(sample, xs)
    ys = outputs(call(sample, vs))
    assert [y.dtype.name for y in ys if y.dtype not in (np.float32, np.complex64)] == []
    backward(ys, directions(ys, sample.name))
    for v in vs:
        if isinstance(v, Variable) and v.grad is not None:
            assert v.grad.dtype == v.dtype


# --- derivatives ---


def backward(ys, ws):
    """Differentiate `inner(ys, ws)`."""
    y = inner(ys, [w.astype(y.dtype) if y.dtype.kind == "c" else w.real.astype(y.dtype)
                   for y, w in zip(ys, ws, strict=True)])  # fmt: skip
    y.backward()


def gradients_of(sample, xs, ws=None):
    """The gradients of `inner` of the outputs; zeros where there is none."""
    vs = variables(sample, xs)
    ys = outputs(call(sample, vs))
    backward(ys, directions(ys, sample.name) if ws is None else ws)
    return [
        np.zeros_like(x) if not isinstance(v, Variable) or v.grad is None else v.grad
        for v, x in zip(vs, xs, strict=True)
    ]


def value_along(sample, xs, ws):
    ys = outputs(call(sample, [Variable(x) for x in xs]))
    return sum(np.sum((y.data * w).real) for y, w in zip(ys, ws, strict=True))


def compare(derivative, f, xs, dxs, rtol, what):
    """Compare a derivative along `dxs` with a central difference of the function `f`."""

    def difference(h):
        up = f([np.asarray(x + h * dx) for x, dx in zip(xs, dxs, strict=True)])
        down = f([np.asarray(x - h * dx) for x, dx in zip(xs, dxs, strict=True)])
        return (up - down) / (2 * h)

    differences = [difference(1e-5)]
    if abs(derivative - differences[0]) < rtol * max(1.0, abs(derivative)):
        return  # for the most part; what follows would only allow for more
    differences.append(difference(1e-6))
    scale = max(1.0, abs(derivative), abs(f(xs)))
    error = min(abs(derivative - difference) for difference in differences) / scale
    assert error < rtol, f"{what}: {derivative!r}, by differences {differences!r}"


@of_order(1)
def test_first_derivative(sample):
    xs = operands(sample)
    ys = outputs(call(sample, [Variable(x) for x in xs]))
    ws = directions(ys, sample.name)
    gxs = gradients_of(sample, xs, ws)
    assert [g.shape for g in gxs] == [x.shape for x in xs]
    for trial in range(2):
        dxs = directions(xs, sample.name, trial)
        dxs = [0 * dx if i in sample.fixed else dx for i, dx in enumerate(dxs)]
        derivative = sum(np.sum((g * dx).real) for g, dx in zip(gxs, dxs, strict=True))
        compare(
            derivative,
            lambda xs: value_along(sample, xs, ws),
            xs, dxs, sample.rtol, str(sample),
        )  # fmt: skip


@of_order(2)
def test_second_derivative(sample):
    """By create_graph: the VJPs of the rows, recorded, and differentiated as they stand."""
    xs = operands(sample)
    free = [i for i in range(len(xs)) if i not in sample.fixed]
    ws = directions(outputs(call(sample, [Variable(x) for x in xs])), sample.name)

    def first(xs):
        """The Variables, and the gradients for them."""
        vs = variables(sample, xs)
        ys = outputs(call(sample, vs))
        ys = [y * (w if y.dtype.kind == "c" else w.real) for y, w in zip(ys, ws, strict=True)]
        y = sum(fnp.sum(fnp.real(y)) for y in ys)
        vs = [vs[i] for i in free]
        return vs, gradients(y, vs, create_graph=True)

    vs, gxs = first(xs)
    wxs = directions([g.data for g in gxs], sample.name, "second")
    seconds = gradients(inner(gxs, wxs), vs)
    dxs = directions([xs[i] for i in free], sample.name, "dxs")
    derivative = sum(np.sum((g * dx).real) for g, dx in zip(seconds, dxs, strict=True))

    def value(free_xs):
        moved = list(xs)
        for i, x in zip(free, free_xs, strict=True):
            moved[i] = x
        return sum(np.sum((g.data * w).real) for g, w in zip(first(moved)[1], wxs, strict=True))

    compare(derivative, value, [xs[i] for i in free], dxs, 10 * sample.rtol, str(sample))


# --- layouts ---


def fortran(x):
    return np.asfortranarray(x) if x.ndim else x


def strided(x):
    if x.ndim == 0:
        return x
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def reversed_strides(x):
    return np.ascontiguousarray(x[..., ::-1])[..., ::-1] if x.ndim else x


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = (fortran, strided, reversed_strides, read_only)


@of_order(1, lambda sample: sample.layouts)
def test_layout_changes_nothing(sample):
    xs = operands(sample)
    expected = gradients_of(sample, xs)
    for layout in LAYOUTS:
        actual = gradients_of(sample, [layout(x) for x in xs])
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b, 1e-9, 1e-12, layout.__name__)


# --- compiled fast paths ---

FAST = [s for s in SAMPLES if getattr(function_of(s, fnp), "compiled", None) is not None]


@of_each(FAST)
def test_fast_path_equals_the_row(sample):
    for dtype, rtol in (("float64", 1e-12), ("float32", 1e-5)):
        check_fast_path(sample, dtype, rtol)


def check_fast_path(sample, dtype, rtol):
    row = function_of(sample, fnp)
    slow = Row(row.name, row.forward, row.vjp if row.sequence else tuple(row.vjp), row.saves,
               row.sequence, None, "", __name__)  # fmt: skip
    xs = [x.astype(dtype) if x.dtype.kind == "f" else x for x in operands(sample)]
    results = []
    for f in (row, slow):
        vs = variables(sample, xs)
        y = f(*with_operands(sample, vs), **sample.kwargs)
        ys = outputs(y)
        backward(ys, directions(ys, sample.name))
        results.append([*(y.data for y in ys), *(v.grad for v in vs if isinstance(v, Variable))])
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        assert_close(a, b, rtol, 1e-14, dtype)


# --- the table is complete ---


def name_of(function):
    module = getattr(function, "__module__", "") or ""
    if module.startswith("numpy.linalg"):
        return f"linalg.{function.__name__}"
    if module.startswith("numpy.fft"):
        return f"fft.{function.__name__}"
    return function.__name__


def test_every_differentiable_function_has_a_sample():
    sampled = {
        getattr(sample.function, "forward", None) or function_of(sample, np)
        for sample in SAMPLES
        if sample.forward is None or sample.name.startswith("scipy.")
    }
    differentiable = {f for f, (group, _) in groups.items() if group in
                      ("differentiable", "zero gradient")}  # fmt: skip
    assert sorted(name_of(f) for f in differentiable - sampled) == []


@of_order(1)
def test_no_rule_of_ours_writes_into_its_gradient(sample):
    """They get it as it is, where the rules and Functions of others get one of their own."""
    ys = outputs(call(sample, variables(sample, operands(sample))))
    for y in ys:
        if y.creator is not None:
            y.grad = gy = directions([y.data], str(sample), "start")[0].astype(y.dtype)
            before = gy.copy()
            y.backward()
            assert_same_bits(gy, before)
