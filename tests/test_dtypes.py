"""Every sample in every dtype: gradients are those of the same real numbers in float64.

Integers and booleans are real numbers, and narrow floating-point numbers are no excuse for a formula
that overflows, wraps around or loses digits: within the precision of the result, a gradient does
not depend on the dtypes of the operands.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from samples.sample import rng_for
from test_rows import SAMPLES, call, operands, with_operands

from fastgrad import Variable, gradients
from fastgrad import numpy as fnp

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "bool"]
FLOATS = ["float16", "float32", "longdouble"]


def is_comparable(sample, dtype):
    """Not so where NumPy rounds a result to the operand's integers, which makes steps of it."""
    if not sample.orders or sample.name in ("unique_values", "partition"):  # in whatever order
        return False
    if dtype in FLOATS:
        return True
    rounded = sample.name in ("reciprocal", "piecewise") or sample.kwargs.get("dtype") is int
    return not rounded and not (sample.name == "pad" and "median" in sample.args[2:])


def in_dtype(x, dtype):
    """Numbers about as large as those of `x` that are exact in the dtype, and in float64."""
    if np.dtype(dtype).kind == "b":
        return np.asarray(x.real > 0)
    if np.dtype(dtype).kind in "iu":
        x = np.rint(3 * np.nan_to_num(x.real, nan=5, posinf=7, neginf=-7)).clip(-100, 100)
        return np.asarray(np.abs(x) if dtype.startswith("u") else x).astype(dtype)
    kinds = {"float16": "complex64", "float32": "complex64", "longdouble": "clongdouble"}
    if x.dtype.kind == "c":
        return np.asarray(np.rint(x * 64) / 64).astype(kinds[dtype])
    return np.asarray(np.rint(x * 64) / 64).astype(dtype)


def widened(x):
    return x.astype("complex128" if x.dtype.kind == "c" else "float64")


def results(sample, xs):
    """The Variables of the operands, and the outputs that are numbers."""
    vs = [x if i in sample.fixed else Variable(x) for i, x in enumerate(xs)]
    ys = call(sample, vs)
    ys = list(ys) if isinstance(ys, (list, tuple)) else [ys]
    return vs, [y for y in ys if isinstance(y, Variable) and y.dtype.kind in "biufc"]


def weights(sample, ys):
    rng = rng_for(str(sample))
    return [np.round(rng.standard_normal(y.shape) * 8) / 8 for y in ys]


def derivatives(sample, xs, ws, order):
    """The gradients of a sum of all outputs with weights; of these, the same again."""
    vs, ys = results(sample, xs)
    ws = weights(sample, ys) if ws is None else ws
    real = [v for v in vs if isinstance(v, Variable)]
    pairs = [(y, w) for y, w in zip(ys, ws, strict=True) if y.requires_grad]
    total = sum((fnp.sum(fnp.real(y * w)) for y, w in pairs), start=Variable(np.zeros(())))
    found = [gradients(total, real)]
    if order == 2:
        firsts = gradients(total, real, create_graph=True)
        total = Variable(np.zeros(()))
        for g, w in zip(firsts, weights(sample, firsts), strict=True):
            if g.requires_grad:
                total = total + fnp.sum(fnp.real(g * w))
        found.append(gradients(total, real))
    return ys, found


def precision(xs, ys):
    """The least precise of the dtypes in which something was computed."""
    dtypes = [y.dtype for y in ys] + [x.dtype for x in xs]
    return max(
        (np.finfo(dtype).eps for dtype in dtypes if dtype.kind in "fc"), default=2.0**-52
    )


def compare(sample, dtype, order):
    """Whether there was something to compare."""
    xs = [in_dtype(x, dtype) for x in operands(sample)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            plain = with_operands(sample, xs)
            (sample.forward or sample.function or getattr_path(np, sample.name))(
                *plain, **sample.kwargs
            )
        except Exception:  # noqa: BLE001  NumPy has it not for these
            return False
        wide_xs = [widened(x) for x in xs]
        try:
            wide_ys, expected = derivatives(sample, wide_xs, None, order)
        except np.linalg.LinAlgError:
            return False
        ys, actual = derivatives(sample, xs, weights(sample, wide_ys), order)
    eps = max(precision(xs, ys), 2.0**-52)
    for k in range(order):
        for v, a, b in zip([x for i, x in enumerate(xs) if i not in sample.fixed],
                           actual[k], expected[k], strict=True):  # fmt: skip
            assert a.dtype == (np.float64 if v.dtype.kind in "biu" else v.dtype), (sample, dtype)
            assert a.shape == b.shape
            if v.dtype.kind in "fc" and np.any(np.abs(b) > np.finfo(v.dtype).max):
                return True  # the derivative is beyond the dtype, and so may be what is made of it
            scale = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
            np.testing.assert_allclose(
                a, b, rtol=200 * eps, atol=200 * eps * scale,
                err_msg=f"{sample} in {dtype}, derivative {k + 1}",
            )  # fmt: skip
    return True


def getattr_path(namespace, name):
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_gradients_do_not_depend_on_the_dtype(dtype):
    failed, n = [], 0
    for sample in SAMPLES:
        if is_comparable(sample, dtype):
            try:
                n += compare(sample, dtype, min(sample.orders, 2))
            except Exception as e:
                failed.append((sample, e))
    import os
    if os.environ.get("SHOW"):
        seen = {}
        for s, e in failed:
            seen.setdefault(s.name, []).append((s, e))
        for name, xs in seen.items():
            print("=====", name, len(xs), str(xs[0][0])[:100], type(xs[0][1]).__name__, str(xs[0][1])[:700])
    assert not failed, (len(failed), n)
