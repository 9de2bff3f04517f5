"""`np.pad`: its modes are linear along each axis, but for those of extremes.

Conventions: `maximum` and `minimum` share the gradient evenly among ties, `median` gives it to the
elements in the middle of a stable sort, and the padding of `empty` has none.
"""

import numpy as np

from fastgrad._core.arguments import holds_variable, operand_of
from fastgrad._core.node import Handle
from fastgrad.functions.indexing import scatter
from fastgrad.functions.shapes import along
from fastgrad.op import NOTHING, OUTPUT, implements, op

__all__ = ["pad"]


def pairs(widths, ndim):
    """`pad_width` or the like, as NumPy reads it: (before, after) for each axis."""
    if isinstance(widths, dict):
        known = {axis % ndim: width for axis, width in widths.items()}
        widths = [np.broadcast_to(known.get(axis, 0), 2) for axis in range(ndim)]
    return np.broadcast_to(np.asarray(widths), (ndim, 2)).tolist()


def links(n, before, after, mode, reflect_type="even", **_):
    """Which elements the padding is made of: positions in it, elements, weights (None: ones)."""
    widths = (before, after)
    outside = np.r_[:before, before + n : before + n + after]
    if mode in ("constant", "empty"):
        return outside[:0], outside[:0], None
    if mode == "linear_ramp":
        weights = [np.arange(before) / max(before, 1), np.arange(after)[::-1] / max(after, 1)]
        return outside, np.repeat([0, n - 1], widths), np.concatenate(weights)
    if reflect_type != "odd" or n == 1:
        options = {} if mode in ("edge", "wrap") else {"reflect_type": reflect_type}
        return outside, np.pad(np.arange(n), widths, mode, **options)[outside], None
    # Twice an edge minus an element, over and over: x[i] and multiples of x[0] and of x[-1].
    # What NumPy makes of three arrays tells which.
    options = {"mode": mode, "reflect_type": "odd"}
    first, last = (np.pad(np.eye(1, n, i)[0], widths, **options)[outside] for i in (0, n - 1))
    inner = np.arange(n)
    inner[-1] = 0
    signed = np.pad(inner, widths, **options)[outside]
    places = [np.abs(signed), np.zeros_like(outside), np.full_like(outside, n - 1)]
    return (
        np.tile(outside, 3),
        np.concatenate(places),
        np.concatenate([np.sign(signed), first, last]),
    )


def shares(xp, window, statistic, axis, mode):
    """How much of a statistic along an axis is each element's: weights that sum to one."""
    n = window.shape[axis]
    if mode == "mean":
        return np.float64(1 / max(n, 1))
    if mode == "median":
        order = xp.argsort(window, axis=axis, kind="stable")
        weights = np.zeros(window.shape)
        for middle in ((n - 1) // 2, n // 2):
            place = np.take(order, [middle], axis)
            share = np.take_along_axis(weights, place, axis) + 0.5
            np.put_along_axis(weights, place, share, axis)
        return weights
    ties = window == statistic
    return ties / np.maximum(np.sum(ties, axis=axis, keepdims=True), 1)


def pad_vjp(xp, g, y, x, pad_width, mode="constant", stat_length=None, **options):
    """Axis by axis, the last first: the padding's gradient goes to what the padding was made of."""
    lengths = pairs(stat_length, x.ndim)
    for axis, (before, after) in reversed([*enumerate(pairs(pad_width, x.ndim))]):
        n = x.shape[axis]
        if not before and not after:
            continue
        inside = along(axis, slice(before, before + n))
        gx, x_inside = g[inside], y[inside]
        if mode in ("maximum", "minimum", "mean", "median"):
            parts = [(slice(None, before), slice(None, lengths[axis][0]), before)]
            start = 0 if lengths[axis][1] is None else max(n - lengths[axis][1], 0)
            parts.append((slice(before + n, None), slice(start, None), after))
            for padding, part, width in parts:
                if width:
                    outside, window = along(axis, padding), x_inside[along(axis, part)]
                    statistic = y[outside][along(axis, slice(0, 1))]
                    share = xp.sum(g[outside], axis=axis, keepdims=True) * shares(
                        xp, window, statistic, axis, mode
                    )
                    share = xp.broadcast_to(share, window.shape)
                    gx = gx + scatter(share, along(axis, part), gx.shape)
        else:
            padding, places, weights = links(n, before, after, mode, **options)
            if len(padding):
                share = g[along(axis, padding)]
                if weights is not None:
                    share = share * weights.reshape(-1, *(1,) * (x.ndim - axis - 1))
                gx = gx + scatter(share, along(axis, places), gx.shape)
        g, y = gx, x_inside
    return g


pad_row = op("pad", np.pad, NOTHING, vjp=pad_vjp)
pad_of_order = op("pad", np.pad, OUTPUT, vjp=pad_vjp, implements=())


def values_vjp(xp, g, y, x, values, pad_width):
    """The sums of the gradient of the padding, before and after: (2,) for each axis.

    NumPy pads along one axis after the other: the later ones get the corners.
    """
    sums = []
    for axis, (before, after) in reversed([*enumerate(pairs(pad_width, x.ndim))]):
        stop = before + x.shape[axis]
        sums += [xp.sum(g[along(axis, slice(stop, stop + after))])]
        sums += [xp.sum(g[along(axis, slice(before))])]
        g = g[along(axis, slice(before, stop))]
    return xp.reshape(xp.stack(sums[::-1]), (x.ndim, 2))  # the engine sums it to the values' shape


pad_with = op(
    "pad",
    lambda x, values, pad_width: np.pad(x, pad_width, constant_values=values),
    NOTHING,
    vjp=(lambda xp, g, y, x, values, pad_width: pad_vjp(xp, g, y, x, pad_width), values_vjp),
    implements=(),
)


@implements(np.pad)
def pad(array, pad_width, mode="constant", **kwargs):
    """`np.pad`, the constant values may be Variables; a function as the mode is refused."""
    if callable(mode) and isinstance(array, Handle):
        raise TypeError(
            "np.pad: a function as the mode writes into its argument, and has no derivative; join "
            "the parts with fastgrad.concatenate"
        )
    values = kwargs.get("constant_values")
    if mode == "constant" and len(kwargs) == 1 and holds_variable(values):
        return pad_with(operand_of(array), operand_of(values), pad_width)
    row = pad_of_order if mode in ("maximum", "minimum", "median") else pad_row
    return row(array, pad_width, mode, **kwargs)
