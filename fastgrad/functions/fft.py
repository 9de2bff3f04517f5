"""`np.fft`: the discrete Fourier transforms, of any length, along any axes.

A transform of complex numbers is a symmetric matrix: its VJP is the same transform, nothing is
conjugated. Those between real numbers and half of a spectrum are a pair each, `rfft` and `hfft`,
`irfft` and `ihfft`, but for a factor 2: most of the half spectrum stands for two frequencies.
"""

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from fastgrad.functions.indexing import scatter
from fastgrad.op import NOTHING, op

__all__ = [
    "fft", "ifft", "rfft", "irfft", "hfft", "ihfft",
    "fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn",
    "fftshift", "ifftshift",
]  # fmt: skip


def resized(g, shape):
    """What cropping and padding with zeros, which an operand of this shape went through, undo."""
    if g.shape == shape:
        return g
    index = tuple(slice(min(n, k)) for n, k in zip(g.shape, shape, strict=True))
    return scatter(g[index], index, shape)


def axes_of(x, s, axes):
    """The axes that are transformed."""
    if axes is None:
        axes = range(x.ndim if s is None else len(s))
        axes = [k - len(axes) for k in axes]
    axes = [normalize_axis_index(k, x.ndim) for k in axes]
    if s is not None and len(set(axes)) < len(axes):
        raise TypeError(
            "fft: the gradient for an axis that is transformed twice, at two lengths, is "
            "not implemented; transform it in two calls"
        )
    return axes


def halves(g, n, axis, power):
    """`g` times 2 to the `power` at the frequencies that stand for two, of a spectrum of `n`."""
    factors = np.full(n // 2 + 1, 2.0**power, np.finfo(g.dtype).dtype)
    factors[0] = 1
    if n % 2 == 0:
        factors[-1] = 1
    return g * np.expand_dims(factors, tuple(range(1, g.ndim - axis)))


# --- one axis ---


def same(name):
    """The VJP of a transform of complex numbers."""

    def vjp(xp, g, y, a, n=None, axis=-1, norm=None, out=None):
        return resized(getattr(xp.fft, name)(g, axis=axis, norm=norm), a.shape)

    return vjp


def from_real(name):
    """The VJP of `rfft` and `ihfft`, by the other transform of the pair."""

    def vjp(xp, g, y, a, n=None, axis=-1, norm=None, out=None):
        n = a.shape[axis] if n is None else n
        g = halves(g, n, normalize_axis_index(axis, a.ndim), -1)
        return resized(getattr(xp.fft, name)(g, n, axis, norm), a.shape)

    return vjp


def to_real(name):
    """The VJP of `hfft` and `irfft`, by the other transform of the pair."""

    def vjp(xp, g, y, a, n=None, axis=-1, norm=None, out=None):
        g = getattr(xp.fft, name)(g, axis=axis, norm=norm)
        return resized(halves(g, y.shape[axis], normalize_axis_index(axis, a.ndim), 1), a.shape)

    return vjp


fft = op("fft", np.fft.fft, NOTHING, vjp=same("fft"))
ifft = op("ifft", np.fft.ifft, NOTHING, vjp=same("ifft"))
rfft = op("rfft", np.fft.rfft, NOTHING, vjp=from_real("hfft"))
hfft = op("hfft", np.fft.hfft, NOTHING, vjp=to_real("rfft"))
irfft = op("irfft", np.fft.irfft, NOTHING, vjp=to_real("ihfft"))
ihfft = op("ihfft", np.fft.ihfft, NOTHING, vjp=from_real("irfft"))

# --- many axes ---


def same_n(name, default=None):
    """The VJP of a transform of complex numbers."""

    def vjp(xp, g, y, a, s=None, axes=default, norm=None, out=None):
        g = getattr(xp.fft, name)(g, axes=axes_of(a, s, axes), norm=norm)
        return resized(g, a.shape)

    return vjp


def from_real_n(default=None):
    """The VJP of `rfftn`: the last of the axes was transformed first."""

    def vjp(xp, g, y, a, s=None, axes=default, norm=None, out=None):
        *axes, last = axes_of(a, s, axes)
        n = a.shape[last] if s is None or s[-1] in (None, -1) else s[-1]
        if axes:
            g = xp.fft.fftn(g, axes=axes, norm=norm)
        return resized(xp.fft.hfft(halves(g, n, last, -1), n, last, norm), a.shape)

    return vjp


def to_real_n(default=None):
    """The VJP of `irfftn`: the last of the axes was transformed last."""

    def vjp(xp, g, y, a, s=None, axes=default, norm=None, out=None):
        *axes, last = axes_of(a, s, axes)
        g = halves(xp.fft.ihfft(g, axis=last, norm=norm), y.shape[last], last, 1)
        if axes:
            g = xp.fft.ifftn(g, axes=axes, norm=norm)
        return resized(g, a.shape)

    return vjp


PLANE = (-2, -1)
fft2 = op("fft2", np.fft.fft2, NOTHING, vjp=same_n("fftn", PLANE))
ifft2 = op("ifft2", np.fft.ifft2, NOTHING, vjp=same_n("ifftn", PLANE))
rfft2 = op("rfft2", np.fft.rfft2, NOTHING, vjp=from_real_n(PLANE))
irfft2 = op("irfft2", np.fft.irfft2, NOTHING, vjp=to_real_n(PLANE))
fftn = op("fftn", np.fft.fftn, NOTHING, vjp=same_n("fftn"))
ifftn = op("ifftn", np.fft.ifftn, NOTHING, vjp=same_n("ifftn"))
rfftn = op("rfftn", np.fft.rfftn, NOTHING, vjp=from_real_n())
irfftn = op("irfftn", np.fft.irfftn, NOTHING, vjp=to_real_n())

# --- the zero frequency in the middle ---

fftshift = op(
    "fftshift",
    np.fft.fftshift,
    NOTHING,
    vjp=lambda xp, g, y, x, axes=None: xp.fft.ifftshift(g, axes),
)
ifftshift = op(
    "ifftshift",
    np.fft.ifftshift,
    NOTHING,
    vjp=lambda xp, g, y, x, axes=None: xp.fft.fftshift(g, axes),
)
