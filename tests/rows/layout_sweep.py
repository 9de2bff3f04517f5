"""Every sample with operands that no C loop may touch as they lie: see test_byte_order.py.

To be run in a child process that keeps no spare arrays and no freed blocks: what is wrong with a
new array is hidden where a spare one is found.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import test_rows as rows
from helpers import assert_close

import fastgrad.numpy as fnp
from fastgrad import Variable, gradients

SINGLE = {"f": np.float32, "c": np.complex64}


class Subclass(np.ndarray):
    """An ndarray by another name."""


def rebuilt(x, dtype, offset):
    """The values and the strides of `x`, in that dtype, `offset` bytes from where they belong."""
    spans = [step * (n - 1) for step, n in zip(x.strides, x.shape, strict=True)] if x.size else []
    low = -sum(min(0, span) for span in spans)
    high = sum(max(0, span) for span in spans)
    buffer = np.zeros(low + high + x.itemsize + offset, np.uint8)
    y = np.ndarray(x.shape, dtype, buffer, low + offset, x.strides if x.size else None)
    y[...] = x
    return y


def swapped(x):
    """In the other byte order."""
    return rebuilt(x, x.dtype.newbyteorder("S"), 0)


def misaligned(x):
    """One byte off."""
    return rebuilt(x, x.dtype, 1)


def both(x):
    """In the other byte order, one byte off."""
    return rebuilt(x, x.dtype.newbyteorder("S"), 1)


def subclass(x):
    """Of a class that is not ndarray itself."""
    return x.view(Subclass)


def swapped_subclass(x):
    """In the other byte order, of such a class."""
    return swapped(x).view(Subclass)


LAYOUTS = (swapped, misaligned, both, subclass, swapped_subclass)


def with_places(x, layout):
    """The same arguments, with their arrays of integers (indices, for the most part) laid out."""
    if isinstance(x, (list, tuple)) and type(x) in (list, tuple):
        return type(x)(with_places(part, layout) for part in x)
    if isinstance(x, dict):
        return {key: with_places(part, layout) for key, part in x.items()}
    return layout(x) if isinstance(x, np.ndarray) and x.dtype.kind in "iu" else x


def results(sample, xs):
    """Values, gradients, and recorded ones with their own gradients: arrays, or None."""
    vs = rows.variables(sample, xs)
    free = [v for v in vs if isinstance(v, Variable)]
    ys = rows.outputs(rows.call(sample, vs))
    found = [y.data for y in ys]
    ws = rows.directions(ys, sample.name)
    if sample.orders >= 1:
        rows.backward(ys, ws)
        found += [checked(v.grad, v) for v in free]
    if sample.orders >= 2:
        ys = rows.outputs(rows.call(sample, vs))
        ys = [y * weights(w, y) for y, w in zip(ys, ws, strict=True)]
        total = sum(fnp.sum(fnp.real(y)) for y in ys)
        gxs = gradients(total, free, create_graph=True)
        found += [checked(g.data, v) for g, v in zip(gxs, free, strict=True)]
        wxs = rows.directions([g.data for g in gxs], sample.name, "second")
        seconds = gradients(rows.inner(gxs, wxs), free)
        found += [checked(g, v) for g, v in zip(seconds, free, strict=True)]
    return found


def weights(w, y):
    """`w` as numbers of the kind and the precision of `y`."""
    return (w if y.dtype.kind == "c" else w.real).astype(y.dtype.newbyteorder("="))


def checked(g, x):
    """A gradient for the Variable `x`: of its shape, and of its dtype in native byte order."""
    if g is not None:
        assert g.shape == x.shape
        assert g.dtype == x.dtype.newbyteorder("="), f"gradient of {g.dtype!r} for {x.dtype!r}"
        assert g.dtype.isnative
    return g


def cases(precision):
    """The samples, with operands of that precision, and their results in the usual layout."""
    for sample in rows.SAMPLES:
        xs = rows.operands(sample)
        if precision == "single":
            if not sample.float32:
                continue
            xs = [x.astype(SINGLE[x.dtype.kind]) for x in xs]
        yield sample, xs, results(sample, xs)


def laid_out(sample, layout):
    """The sample, with its other arguments in that layout."""
    args, kwargs = with_places(sample.args, layout), with_places(sample.kwargs, layout)
    return dataclasses.replace(sample, args=args, kwargs=kwargs)


def faults(precision, layouts):
    """What differs from the results in the usual layout: a list of texts."""
    found, rtol = [], 2e-5 if precision == "single" else 1e-9
    for sample, xs, expected in cases(precision):
        for layout in layouts:
            try:
                actual = results(laid_out(sample, layout), [layout(x) for x in xs])
                for a, b in zip(actual, expected, strict=True):
                    assert (a is None) == (b is None)
                    if a is not None:
                        assert_close(np.asarray(a), np.asarray(b), rtol, rtol / 100)
            except Exception as error:  # noqa: BLE001 (each is a fault, and all are shown)
                what = " ".join(str(error).split())[:200]
                found.append(f"{layout.__name__}, {sample}: {type(error).__name__}: {what}")
    return found
