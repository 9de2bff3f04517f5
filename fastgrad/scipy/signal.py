"""`scipy.signal`, differentiable: see `fastgrad.scipy`.

`convolve`, `fftconvolve` and `correlate` have SciPy's arguments. `convolve_axes` convolves along
some axes, sums products along others, and does so for all pairs of indices of the rest.

>>> import numpy as np
>>> from fastgrad import grad
>>> from fastgrad.scipy.signal import convolve
>>> grad(lambda v: convolve(np.array([1.0, 2.0, 3.0]), v)[1])(np.array([1.0, 1.0]))
array([2., 1.])
"""

import math as _math

import numpy as _np
import scipy.signal as _scipy

from fastgrad.functions.lengths import floating as _floating
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.op import OTHERS as _OTHERS
from fastgrad.op import op as _op

__all__ = ["convolve", "fftconvolve", "correlate", "convolve_axes"]

# --- the sliding product: of x with axes (i, d, *places) and w with axes (j, d, *offsets) ---

_LARGEST = 1 << 21  # elements of the windows that are laid out at a time, for a product of matrices


def _slide_forward(x, w):
    """`y[i, j, n] = sum(x[i, d, n + m] * w[j, d, m])` over d and m, for each n that there is."""
    n_i, n_j, n_axes = x.shape[0], w.shape[0], x.ndim - 2
    offsets = w.shape[2:]
    results = tuple(p - m + 1 for p, m in zip(x.shape[2:], offsets, strict=True))
    if n_axes == 1 and n_i * n_j * x.shape[1] == 1:
        return _np.convolve(x[0, 0], w[0, 0, ::-1], "valid")[None, None]
    size = x.shape[1] * _math.prod(results) * _math.prod(offsets)
    if n_i > 1 and n_i * size > _LARGEST:
        step = max(1, _LARGEST // max(size, 1))
        return _np.concatenate([_slide_forward(x[i : i + step], w) for i in range(0, n_i, step)])
    windows = _np.lib.stride_tricks.sliding_window_view(x, offsets, tuple(range(2, n_axes + 2)))
    n, m = list(range(2, n_axes + 2)), list(range(n_axes + 2, 2 * n_axes + 2))
    if size > _LARGEST or (n_j < 3 and offsets[-1:] > (16,)):  # which are not worth a copy
        return _np.einsum(windows, [0, 1, *n, *m], w, [2 * n_axes + 2, 1, *m],
                          [0, 2 * n_axes + 2, *n])  # fmt: skip
    flat = w.reshape(n_j, -1)
    if n_axes and results[-1] < offsets[-1]:  # the longer runs are copied at once
        windows = windows.transpose(0, *n, 1, *m).reshape(-1, flat.shape[1])
        return _np.moveaxis((windows @ flat.T).reshape(n_i, *results, n_j), -1, 1)
    windows = windows.transpose(0, 1, *m, *n).reshape(n_i, flat.shape[1], _math.prod(results))
    return (flat @ windows).reshape(n_i, n_j, *results)


def _slide_padded(x, w, ends):
    """That of `x` between as many zeros along each axis; less as many elements, if negative."""
    if any(min(pair) < 0 for pair in ends):
        inside = [
            slice(max(0, -before), n - max(0, -after))
            for n, (before, after) in zip(x.shape[2:], ends, strict=True)
        ]
        x, ends = x[(..., *inside)], [(max(0, before), max(0, after)) for before, after in ends]
    if any(map(any, ends)):
        x = _np.pad(x, [(0, 0), (0, 0), *ends])
    return _slide_forward(x, w)


def _slide_x_vjp(xp, g, y, x, w, ends):
    """What each element of x was multiplied by: w slides over g the other way."""
    ends = [
        (m - 1 - before, m - 1 - after)
        for m, (before, after) in zip(w.shape[2:], ends, strict=True)
    ]
    reverse = (slice(None, None, -1),) * (w.ndim - 2)
    return _slide(g, xp.swapaxes(w, 0, 1)[(..., *reverse)], ends)


def _slide_w_vjp(xp, g, y, x, w, ends):
    """The gradient slides over x."""
    return xp.swapaxes(_slide(xp.swapaxes(x, 0, 1), xp.swapaxes(g, 0, 1), ends), 0, 1)


_slide = _op("slide", _slide_padded, _OTHERS, vjp=(_slide_x_vjp, _slide_w_vjp))

# --- convolutions ---


def convolve_axes(x, w, axes=None, dot_axes=((), ()), mode="full"):
    """The convolution along some axes, of products summed along others.

    Parameters
    ----------
    x, w : arrays or Variables
    axes : pair of lists of ints, optional
        Along which to convolve: axes of `x`, and as many of `w`. By default all of them, in order.
    dot_axes : pair of lists of ints
        Along which to sum products: axes of `x`, and as many of `w`, of the same lengths.
    mode : "full", "valid" or "same"
        All places where the two overlap; those where one is inside of the other, along all axes the
        same one; or as many as `x` has, from the middle.

    The result has the axes of `x` that are left, those of `w`, and those of the convolution.
    ValueError for axes that do not fit.

    >>> import numpy as np
    >>> convolve_axes(np.eye(2), np.ones((3, 2)), axes=([1], [1])).shape
    (2, 3, 3)
    """
    if mode not in ("full", "valid", "same"):
        raise ValueError(f"convolve_axes: mode is {mode!r}, expected 'full', 'valid' or 'same'")
    import fastgrad.numpy as xp

    x, w = _floating(x), _floating(w)
    n = (x.ndim, w.ndim)
    axes = (range(n[0]), range(n[1])) if axes is None else axes
    along, dots = (
        [[int(k) % n[i] if -n[i] <= k < n[i] else k for k in pair[i]] for i in range(2)]
        for pair in (axes, dot_axes)
    )
    rest = [[k for k in range(n[i]) if k not in along[i] and k not in dots[i]] for i in range(2)]
    for pair, what in ((along, "axes"), (dots, "dot_axes")):
        if len(pair[0]) != len(pair[1]):
            raise ValueError(f"convolve_axes: {what} has {len(pair[0])} axes of x and "
                             f"{len(pair[1])} of w, expected as many")  # fmt: skip
    kinds = zip(rest, dots, along, strict=True)
    shapes = [[z.shape[k] for k in ks] for z, ks in zip((x, w), rest, strict=True)]
    x, w = (_arranged(xp, z, *ks) for z, ks in zip((x, w), kinds, strict=True))
    y = _convolved(xp, x, w, mode)
    return xp.reshape(y, (*shapes[0], *shapes[1], *y.shape[2:]))


def _arranged(xp, z, rest, dots, along):
    """`z` with the axes that are left as one, the summed ones as one, and the others."""
    z = xp.transpose(z, (*rest, *dots, *along))
    places = z.shape[len(rest) + len(dots) :]
    n_rest = _math.prod(z.shape[: len(rest)])
    return xp.reshape(z, (n_rest, _math.prod(z.shape[len(rest) : len(rest) + len(dots)]), *places))


def _convolved(xp, x, w, mode):
    """The sliding product, of the longer one and the other reversed."""
    a, b = x.shape[2:], w.shape[2:]
    swap = any(m > n for n, m in zip(a, b, strict=True))
    if mode == "valid" and swap and not all(m >= n for n, m in zip(a, b, strict=True)):
        raise ValueError(
            f"convolve_axes: the mode is 'valid', so one of the shapes {a} and {b} along the axes "
            "must be inside of the other"
        )
    if mode == "same":
        ends = [((m - 1) - (m - 1) // 2, (m - 1) // 2) for m in b]
    elif mode == "full":
        swap = _math.prod(b) > _math.prod(a)  # the longer one is padded by what the other has
        ends = [(n - 1, n - 1) for n in (a if swap else b)]
    else:
        ends = [(0, 0)] * len(a)
    if swap and mode != "same":
        x, w = w, x
    reverse = (slice(None, None, -1),) * (w.ndim - 2)
    y = _slide(x, w[(..., *reverse)], ends)
    return xp.swapaxes(y, 0, 1) if swap and mode != "same" else y


# --- with SciPy's arguments ---


def _of_operand(xp, g, a, b, i):
    """The gradient for operand `i` of a convolution: it meets the other one, reversed."""
    a, b = (x if hasattr(x, "dtype") else _np.asarray(x) for x in (a, b))
    ends = []  # what `mode` had left out of the full result
    for n, m, size in zip(a.shape, b.shape, g.shape, strict=True):
        missing = n + m - 1 - size
        ends.append((missing // 2, missing - missing // 2))
    g = xp.pad(g, ends) if any(map(any, ends)) else g
    other = b if i == 0 else a
    return convolve_axes(g, other[(slice(None, None, -1),) * other.ndim], mode="valid")


def _convolve_rule(i):
    def vjp(xp, g, y, a, b, mode="full", method="auto"):
        return _of_operand(xp, g, a, b, i)

    return vjp


def _fftconvolve_rule(i):
    def vjp(xp, g, y, a, b, mode="full", axes=None):
        if axes is not None:
            raise NotImplementedError(
                "scipy.signal.fftconvolve: with axes there is no derivative here; use "
                "fastgrad.scipy.signal.convolve_axes"
            )
        return _of_operand(xp, g, a, b, i)

    return vjp


def _correlate_rule(i):
    def vjp(xp, g, y, a, b, mode="full", method="auto"):
        b = b if hasattr(b, "dtype") else _np.asarray(b)
        reverse = (slice(None, None, -1),) * b.ndim
        gx = _of_operand(xp, g, a, xp.conj(b)[reverse], i)
        return gx if i == 0 else xp.conj(gx)[reverse]

    return vjp


def _row(name, rule):
    return _op(name, getattr(_scipy, name), _OTHERS, vjp=(rule(0), rule(1)))


convolve = _row("convolve", _convolve_rule)
fftconvolve = _row("fftconvolve", _fftconvolve_rule)
correlate = _row("correlate", _correlate_rule)

__getattr__, __dir__ = _namespace_of(_scipy, globals())
