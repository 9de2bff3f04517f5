"""Averages with weights, order statistics, covariances, and counting.

Conventions: of equal elements a quantile takes the one that a stable sort puts in its place, which
gets all of the gradient. For `q` it is differentiated too, by the methods that interpolate; where
one order statistic is met exactly, and for the methods in steps, that derivative is 0 (as in JAX).
The bins of a histogram are constants, also where NumPy chooses them.
"""

import functools
import math

import numpy as np

from fastgrad._core.arguments import holds_variable
from fastgrad._core.protocols import GO_ON, full_name, handlers, value
from fastgrad.functions._along import places_of_ranks
from fastgrad.functions.along import (
    MISSING,
    count,
    degrees_of_freedom,
    normalized,
    others,
    spread,
    stable_order,
)
from fastgrad.functions.indexing import scatter
from fastgrad.op import INPUTS, OTHERS, OUTPUT, implements, op, plain, signature_of

__all__ = [
    "average", "median", "quantile", "percentile", "nanmedian", "nanquantile", "nanpercentile",
    "cov", "corrcoef", "bincount",
]  # fmt: skip


# --- averages ---


def aligned(xp, weights, a, axis):
    """The weights in a shape that broadcasts against `a`: those of some axes are in their order."""
    weights = weights if hasattr(weights, "shape") else np.asarray(weights)
    if weights.shape == a.shape:
        return weights
    axes = normalized(axis, a.ndim)
    weights = xp.transpose(weights, tuple(map(int, np.argsort(axes))))
    return xp.reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))


def average_vjp(xp, g, y, a, axis=None, weights=None, returned=False, **_):
    """The share of the weight in their sum."""
    g = g[0] if returned else g
    w = np.ones(a.shape) if weights is None else aligned(xp, weights, a, axis)
    axes = normalized(axis, a.ndim)
    total = spread(xp, xp.sum(xp.broadcast_to(w, a.shape), axis=axes), a, axes)
    return spread(xp, g, a, axes) / total * w


def average_weights_vjp(xp, g, y, a, axis=None, weights=None, returned=False, **_):
    """(a - average) / sum of the weights; and of that sum."""
    a = a if hasattr(a, "shape") else np.asarray(a)
    axes = normalized(axis, a.ndim)
    (g, g_total), y = (g, y[0]) if returned else ((g, None), y)
    w = aligned(xp, weights, a, axis)
    total = spread(xp, xp.sum(xp.broadcast_to(w, a.shape), axis=axes), a, axes)
    gw = spread(xp, g, a, axes) * (a - spread(xp, y, a, axes)) / total
    if returned:
        gw = gw + spread(xp, g_total, a, axes)
    if weights.shape == a.shape:
        return gw
    gw = xp.sum(gw, axis=others(axes, a.ndim))
    return xp.transpose(gw, tuple(map(int, np.argsort(np.argsort(axes)))))


weighted = op(
    "average",
    np.average,
    INPUTS | OUTPUT,
    vjp=(average_vjp, None, average_weights_vjp),
)


@implements(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=MISSING):
    """`np.average`; `a` and `weights` may be Variables."""
    return weighted(a, axis, weights, returned, keepdims=keepdims)


# --- order statistics ---


def ranked(x, axis):
    """Where the elements are in `x.ravel()`, ascending in the last axis; and the ranks in `x`."""
    axes = normalized(axis, x.ndim)
    rest = others(axes, x.ndim)
    flat = np.arange(x.size).reshape(x.shape).transpose(rest + axes)
    flat = flat.reshape(*(x.shape[i] for i in rest), -1)
    order = stable_order(value(x).reshape(-1)[flat], flat.ndim - 1)
    places = np.take_along_axis(flat, order, -1)
    # In the dtype of `x` the fractional ranks are rounded as NumPy rounds them: see `_quantile`.
    exact = x.dtype.kind == "f" and x.size < 1 / np.finfo(x.dtype).eps
    ranks = np.empty(x.size, x.dtype if exact else float)
    ranks[places] = np.arange(places.shape[-1])
    return places, ranks.reshape(x.shape)


def neighbours(xp, function, x, *q, axis, **kwargs):
    """The places of the two elements that a result lies between, and how far it is to the second.

    `function` of the ranks, be it by whatever method and with weights, is the fractional rank.
    """
    places, ranks = ranked(x, axis)
    if function.__name__.startswith("nan"):
        known = x == x
        none = ~np.any(known, axis=normalized(axis, x.ndim), keepdims=True)
        ranks = np.where(known | none, ranks, np.nan)
    rank = np.asarray(function(ranks, *q, axis=axis, **kwargs))
    if q and np.ndim(q[0]) > 1 and function.__name__.startswith("nan"):
        check_order(function, places, x, np.asarray(q[0]), axis)
    places = places.reshape((1,) * (rank.ndim + 1 - places.ndim) + places.shape)
    low, high = np.floor(rank).astype(int), np.ceil(rank).astype(int)
    lower, upper = (np.take_along_axis(places, k[..., None], -1)[..., 0] for k in (low, high))
    return lower, upper, rank - low


def check_order(function, places, x, q, axis):
    """Raise where the axes of `q` and of `x` are mixed up in NumPy's result.

    NumPy 2.4's `nanquantile` does that for several axes, or a negative one, and a `q` of 2 or more
    dimensions.
    """
    slices = np.arange(places.size).reshape(places.shape)[..., 0]
    ids = np.empty(x.size)
    ids[places] = slices[..., None]
    found = function(ids.reshape(x.shape), q, axis=axis)
    if found.shape != q.shape + slices.shape or np.any(found != slices):
        raise NotImplementedError(
            f"{function.__name__}: of a q of {q.ndim} dimensions NumPy mixes up the axes of the "
            "result with this axis; pass q.ravel()"
        )


def between_vjp(xp, function, g, x, lower, upper, step):
    """The two elements share the gradient."""
    g = xp.reshape(g, step.shape)
    gx = scatter(g * (1 - step), lower, (x.size,)) + scatter(g * step, upper, (x.size,))
    gx = xp.reshape(gx, x.shape)
    return xp.where(x == x, gx, 0) if function.__name__.startswith("nan") else gx


def middle(x, y, axis):
    """The places of its two neighbours in `x.ravel()`, and how far it is to the second.

    They are found by comparing with the median `y`; None: they are not, and have to be sorted.
    """
    axes = normalized(axis, x.ndim)
    rest = others(axes, x.ndim)
    shape = tuple(x.shape[i] for i in rest)
    rows = x.transpose(rest + axes).reshape(math.prod(shape), -1)
    n = rows.shape[1]
    found = places_of_ranks(rows, y.reshape(-1), (n - 1) // 2, n // 2)
    if found is None:
        return None
    # From the number of the element in its row to that in `x.ravel()`.
    steps = [math.prod(x.shape[i + 1 :]) for i in range(x.ndim)]
    places = np.zeros((2, *shape), np.intp)
    for k, i in enumerate(rest):
        places += np.arange(x.shape[i]).reshape((-1,) + (1,) * (len(rest) - 1 - k)) * steps[i]
    within = np.unravel_index(found, tuple(x.shape[i] for i in axes)) if axes else ()
    for k, i in enumerate(axes):
        places += within[k].reshape(places.shape) * steps[i]
    return places, 0.0 if n % 2 else 0.5


def median_like(function):
    """`median` or `nanmedian`."""

    def vjp(xp, g, y, x, axis=None, out=None, overwrite_input=False, keepdims=False):
        if x.size == 0:
            return np.zeros(x.shape)
        x0, y0 = value(x), value(y)
        known = function is np.median and type(x0) is type(y0) is np.ndarray  # not under a log
        found = middle(x0, y0, axis) if known else None
        if found is None:
            return between_vjp(xp, function, g, x, *neighbours(xp, function, x, axis=axis))
        places, step = found
        g = xp.reshape(g, places.shape[1:])
        g = xp.stack([g * (1 - step), g * step])
        if x.ndim > 1:  # (a view of one axis would be copied, to be the gradient)
            return scatter(g, np.unravel_index(places, x.shape), x.shape)
        return xp.reshape(scatter(g, places, (x.size,)), x.shape)

    return op(
        function.__name__, unchanging(function), INPUTS | OUTPUT, vjp, implements=(function,),
    )  # fmt: skip


def unchanging(function):
    """`function`, but that what the graph may refer to is not overwritten."""

    @functools.wraps(function)
    def forward(*args, **kwargs):
        if "overwrite_input" in kwargs or len(args) > 3:
            call = signature_of(function).bind(*args, **kwargs)
            if call.arguments.pop("overwrite_input", False):
                kwargs = dict(call.arguments)
                return function(kwargs.pop("a"), **kwargs)
        return function(*args, **kwargs)

    return forward


# alpha + beta of Hyndman and Fan (1996): the fractional rank is n q + alpha + q (1 - alpha - beta)
# less 1. The other methods are in steps.
INTERPOLATING = {
    "linear": 2, "hazen": 1, "interpolated_inverted_cdf": 1, "weibull": 0,
    "median_unbiased": 2 / 3, "normal_unbiased": 3 / 4,
}  # fmt: skip


def quantile_like(function):
    """`quantile` or `percentile`, or that of the numbers alone."""
    scale = 100 if function.__name__.endswith("percentile") else 1

    def parts(xp, x, q, axis, method, weights):
        """The neighbours, and what the distance to the second is: a function of `q`, too."""
        kwargs = {"method": method} if weights is None else {"method": method, "weights": weights}
        lower, upper, step = neighbours(xp, function, x, value(q), axis=axis, **kwargs)
        q = q if hasattr(q, "shape") else np.asarray(q)
        slope = 0
        if method in INTERPOLATING:
            where = x == x if function.__name__.startswith("nan") else True
            n = np.reshape(count(x, axis, where), step.shape[q.ndim :] if where is not True else ())
            slope = (n + 1 - INTERPOLATING[method]) / scale
        q = xp.reshape(q, q.shape + (1,) * (step.ndim - q.ndim))
        return lower, upper, step + slope * (q - value(q)), slope

    def vjp(
        xp, g, y, x, q, axis=None, out=None, overwrite_input=False, method="linear",
        keepdims=False, *, weights=None, **_,
    ):  # fmt: skip
        if x.size == 0:
            return np.zeros(x.shape)
        lower, upper, step, _ = parts(xp, x, q, axis, method, weights)
        return between_vjp(xp, function, g, x, lower, upper, step)

    def q_vjp(
        xp, g, y, x, q, axis=None, out=None, overwrite_input=False, method="linear",
        keepdims=False, *, weights=None, **_,
    ):  # fmt: skip
        x = x if hasattr(x, "shape") else np.asarray(x)
        if x.size == 0:
            return np.zeros(q.shape)
        lower, upper, step, slope = parts(xp, x, q, axis, method, weights)
        flat = xp.reshape(x, -1)
        g = xp.reshape(g, step.shape) * (flat[upper] - flat[lower]) * slope
        return xp.sum(g, axis=tuple(range(q.ndim, step.ndim)))

    return op(
        function.__name__, unchanging(function), INPUTS, (vjp, q_vjp), implements=(function,),
    )  # fmt: skip


median = median_like(np.median)
nanmedian = median_like(np.nanmedian)
quantile = quantile_like(np.quantile)
nanquantile = quantile_like(np.nanquantile)
percentile = quantile_like(np.percentile)
nanpercentile = quantile_like(np.nanpercentile)

for row in (median, nanmedian, quantile, nanquantile, percentile, nanpercentile):
    row.narrow = True  # for the fractional ranks: see `ranked`

# --- covariances ---


def as_rows(xp, m, rowvar, second=False):
    """The variables of an operand of `cov` as rows: see its documentation."""
    m = m if hasattr(m, "shape") else np.asarray(m)
    if m.ndim < 2:
        return xp.reshape(m, (1, -1))
    # NumPy looks at the shape of the second operand, and at the dimensions of the first.
    return m if rowvar or (second and m.shape[0] == 1) else xp.transpose(m)


def part_of_rows(xp, gx, i, m, y, rowvar):
    """Of a gradient for the rows of both operands, that for operand `i`, in its shape."""
    n = as_rows(np, np.empty(m.shape), rowvar).shape[0]
    operand, gx = ((m, gx[:n]), (y, gx[n:]))[i]
    turned = operand.ndim == 2 and not (rowvar or (i == 1 and operand.shape[0] == 1))
    return xp.transpose(gx) if turned else xp.reshape(gx, operand.shape)


def centred(xp, m, y, rowvar, weights):
    """The variables as rows, less their means."""
    x = as_rows(xp, m, rowvar)
    if y is not None:
        x = xp.concatenate([x, as_rows(xp, y, rowvar, second=True)])
    total = x.shape[1] if weights is None else weights.sum()
    return x - xp.reshape(xp.sum(x if weights is None else x * weights, axis=1), (-1, 1)) / total


def covariance_vjp(xp, g, x):
    """Of `x @ x.conj().T`: (g + conj(g).T) conj(x)."""
    if g.dtype.kind == "c" or x.dtype.kind == "c":
        g, x = g + xp.conj(xp.transpose(g)), xp.conj(x)
    else:
        g = g + xp.transpose(g)
    return g @ x


def cov_vjp(i):
    """The VJP for operand `i` of `cov`."""

    def vjp(
        xp, g, c, m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None,
        *, dtype=None,
    ):  # fmt: skip
        ddof = ddof if ddof is not None else (0 if bias else 1)
        f, a = (None if w is None else np.asarray(w, float) for w in (fweights, aweights))
        w = f if a is None else a if f is None else f * a
        x = centred(xp, m, y, rowvar, w)
        n = x.shape[1] if w is None else w.sum()
        if w is not None and a is not None and ddof != 0:
            ddof = ddof * (w * a).sum() / n
        g = xp.reshape(g, (x.shape[0], x.shape[0])) / degrees_of_freedom(n, ddof)
        gx = covariance_vjp(xp, g, x)
        gx = gx if w is None else gx * w
        return part_of_rows(xp, gx, i, m, y, rowvar)

    return vjp


cov = op("cov", np.cov, vjp=(cov_vjp(0), cov_vjp(1)))


def corrcoef_vjp(i):
    """The VJP for operand `i` of `corrcoef`: of the products of rows of norm one."""

    def vjp(xp, g, c, x, y=None, rowvar=True, *, dtype=None, **_):
        d = centred(xp, x, y, rowvar, None)
        square = d * xp.conj(d) if d.dtype.kind == "c" else d * d
        norm = xp.reshape(xp.real(xp.sum(square, axis=1)) ** 0.5, (-1, 1))
        unit = d / norm
        gu = covariance_vjp(xp, xp.reshape(g, (d.shape[0], d.shape[0])), unit)
        # What changes the length of a row changes nothing.
        along = xp.real(xp.reshape(xp.sum(gu * unit, axis=1), (-1, 1)))
        conj = xp.conj(unit) if unit.dtype.kind == "c" else unit
        return part_of_rows(xp, (gu - along * conj) / norm, i, x, y, rowvar)

    return vjp


corrcoef = op("corrcoef", np.corrcoef, vjp=(corrcoef_vjp(0), corrcoef_vjp(1)))

# --- counting ---

weighted_count = op(
    "bincount",
    np.bincount,
    OTHERS,
    vjp=(None, lambda xp, g, y, x, weights, minlength=0: g[np.asarray(value(x), np.intp)]),
)


@implements(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    """`np.bincount`; a Variable if `weights` is one."""
    x, minlength = value(x), value(minlength)
    if holds_variable(weights):
        return weighted_count(x, weights, minlength)
    return np.bincount(x, weights, minlength)


def count_only(function):
    """Let the result of a histogram be plain, but where the weights are a Variable refuse it."""
    plain(function)
    answer = handlers[function]

    def checked(*args, **kwargs):
        if holds_variable(signature_of(function).bind(*args, **kwargs).arguments.get("weights")):
            raise TypeError(
                f"{full_name(function)}: not differentiable for its weights; use "
                f"np.bincount(np.digitize(x, bins), weights), or else {GO_ON}"
            )
        return answer(*args, **kwargs)

    checked.__name__, checked.__doc__ = answer.__name__, answer.__doc__
    handlers[function] = checked


for counting in (np.histogram, np.histogram2d, np.histogramdd):
    count_only(counting)
plain(np.histogram_bin_edges, np.digitize, np.searchsorted)
