"""Equal eigenvalues and singular values: what the gradients for the factors still tell.

Where two of them are equal, an entry of the gradient is 0 / 0. Of a function that does not depend
on the choice of a basis of their common space the numerator is 0, up to rounding. The quotient is
known to be 0 if the function takes the vectors alone; if it takes the values too, it is not known:
at the identity `v @ v.T` and `(v * w) @ v.T` hand back the same gradients for `v`. So:

- A numerator that is not 0: the function depends on the basis and has no derivative. NaN.
- Vectors and values both matter: a warning, and the entry as of `(v * h(w)) @ v.T`, if the
  gradients for `w` are in a constant ratio to those for `v`, as they are then; else NaN.
- No gradient at all, neither for the equal values nor for their vectors, counts as no dependence.

Values closer than 8 n eps times the largest count as equal: they are no more exact than that.
"""

import sys
import warnings

import numpy as np

from fastgrad._core.protocols import value
from fastgrad.op import NOTHING, OTHERS, op

__all__ = ["DegeneracyWarning"]


class DegeneracyWarning(RuntimeWarning):
    """A derivative that the gradients do not tell, at a point where a formula is 0 / 0.

    At equal eigenvalues or singular values, where what is not known is NaN, or a guess that the
    text tells of; and where a length (`abs`, `norm`) is 0 beside another one.
    """


def resolution(w, n):
    """The distance at which eigenvalues or singular values of matrices of size `n` are equal."""
    w = value(w)
    largest = np.max(np.abs(w), axis=-1, keepdims=True, initial=0)
    return 8 * n * np.finfo(w.dtype).eps * largest[..., None]


def pairs(w):
    """The places of all pairs of different indices."""
    return ~np.eye(w.shape[-1], dtype=bool)


def matters(x, *of):
    """Where `x` is not 0, but for rounding in sums of elements of each of the matrices `of`."""
    scale = sum(np.max(np.abs(value(y)), axis=(-2, -1), keepdims=True, initial=0) for y in of)
    x = value(x)
    return np.abs(x) > np.sqrt(np.finfo(x.dtype).eps) * scale


def unlike(gw):
    """Where the gradients of two values differ."""
    gw = value(gw)[..., None, :]
    return matters(gw - np.swapaxes(gw, -1, -2), gw)


def used(gw):
    """The pairs of which a value has a gradient."""
    gw = value(gw) != 0
    return gw[..., None, :] | gw[..., :, None]


def quotient(xp, x, gaps, zero):
    """`x / gaps`, and 0 where the gap counts as 0, or is one of the diagonal's."""
    return xp.where(zero, 0, x / xp.where(zero, 1, gaps))


def unknown_vjp(xp, g, y, x, equal, bad, name):
    """The next derivative, of 0 / 0, is not known either."""
    lost = equal & (value(g) != 0)
    if np.any(lost):
        warn(name, "what is NaN")
    return np.where(lost, np.nan, 0)


# 0 in place of the quotient of `x`, NaN where that is not known.
unknown = op(
    "unknown",
    lambda x, equal, bad, name: np.where(bad, np.asarray(np.nan, x.dtype), 0 * x.real),
    NOTHING,
    vjp=(unknown_vjp, None, None, None),
)


# `g` with a gradient for `w` that is so small that it changes nothing.
touched = op(
    "touched",
    lambda g, w: g,
    OTHERS,
    vjp=(lambda xp, g, y, z, w: g, lambda xp, g, y, z, w: g * least(w.dtype) ** 0.75),
)


def with_values(g, w):
    """`g`, a gradient for the values `w` as another call returned them, perhaps a function of them.

    The next derivative then gets a gradient for `w`, and knows that they matter.
    """
    return touched(g, w) if getattr(g, "requires_grad", False) else g


def least(dtype):
    """The least normal number of the dtype."""
    return float(np.finfo(dtype).tiny)


def spectral_guess(p, gw, gvs, equal):
    """What would be in place of the quotient, were the matrix `(v * h(w)) @ adjoint(v)` used.

    `p` is then `s * h(w)` of a Hermitian `s`, and `gw` is `diagonal(s) * h'(w)`, up to a factor.
    """
    alike = (equal | np.eye(gw.shape[-1], dtype=bool)).astype(gw.dtype)
    d = np.einsum("...ii->...i", p).real
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (alike @ (gw * d)[..., None]) / (alike @ (d * d)[..., None])
        off = np.abs(gw[..., None] - ratio * d[..., None])
        scale = np.abs(gw).max(-1, initial=0)[..., None, None]
        fits = off <= np.sqrt(np.finfo(gw.dtype).eps) * scale
        fits = (alike @ ~fits == 0) & (np.abs(ratio) > least(p.dtype) ** 0.5)
        y = np.where(fits, ratio, np.nan) * p
    # The values alone seem to matter, all alike: what does not depend on the basis has 0 then.
    return np.where(matters(p, *gvs) | unlike(gw), y, 0)


def warn_degenerate(text):
    """A DegeneracyWarning at the line outside of fastgrad that asked for the derivative."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("fastgrad."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, DegeneracyWarning, stacklevel=level)


def warn(name, what):
    """Say that it is not known."""
    warn_degenerate(
        f"{name}: at equal eigenvalues or singular values the derivative does not follow from the "
        f"gradients of the values and the vectors: {what}; compute with the matrix itself where "
        "you can (a @ a, np.linalg.inv, det, ...)"
    )
