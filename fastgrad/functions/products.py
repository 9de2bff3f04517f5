"""Products of arrays: matmul, dot and their kin.

The gradient for one factor is the product of `g` with the others. Nothing is conjugated that the
function itself does not conjugate: `vdot`, `vecdot` and `vecmat` their first operand.
"""

from functools import partial
from math import prod

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fastgrad.functions import _products as products_in_c
from fastgrad.functions._products import contract, contraction_vjp, declared, layout_of
from fastgrad.functions.along import order_of
from fastgrad.op import OTHERS, op

__all__ = [
    "dot", "vdot", "inner", "outer", "tensordot", "kron", "cross",
]  # fmt: skip


def arrays(*xs):
    """The operands of a call, with arrays in place of the numbers and lists among them."""
    return [x if hasattr(x, "ndim") else np.asarray(x) for x in xs]


def of_both(vjp):
    """The VJPs of two operands, of `vjp(xp, i, g, y, a, b, ...)` for operand `i`."""

    def rule(i, xp, *args, **kwargs):
        return vjp(xp, i, *args, **kwargs)

    return partial(rule, 0), partial(rule, 1)


# --- along fixed axes: NumPy's generalized ufuncs ---


def plainly(gufunc):
    """The same as a plain function, so that the VJPs get the keywords: a ufunc's get none."""

    def forward(x1, x2, /, out=None, **kwargs):
        return gufunc(x1, x2, out=out, **kwargs)

    return forward


def tail(n):
    """The last `n` axes."""
    return tuple(range(-n, 0))


def of_cores(vjp):
    """The VJPs of two operands, of `vjp(xp, i, g, a, b)` that expects the core axes to be last."""

    def rule(xp, i, g, y, a, b, axes=None, axis=None, keepdims=False, **_):
        a, b = arrays(a, b)
        if axes is None and axis is None:
            return vjp(xp, i, g[..., 0] if keepdims else g, a, b)
        if axes is None:
            axes = [axis, axis, axis] if keepdims else [axis, axis]
        axes = [(k,) if np.ndim(k) == 0 else tuple(k) for k in axes]
        if len(axes) == 2:
            axes.append((-1,) if keepdims else ())
        a, b, g = (xp.moveaxis(x, k, tail(len(k))) for x, k in zip((a, b, g), axes, strict=True))
        gx = vjp(xp, i, g[..., 0] if keepdims else g, a, b)
        # Counted from the end: in front there may be axes along which the operand was broadcast.
        n = (a, b)[i].ndim
        return xp.moveaxis(gx, tail(len(axes[i])), [k % n - n for k in axes[i]])

    return of_both(rule)


def matmul_vjp(xp, i, g, a, b):
    """A 1-d operand takes part as one row (left) or one column (right), an axis that `g` lacks."""
    if b.ndim == 1:
        g = g[..., None]
    if a.ndim == 1:
        g = g[..., None, :]
    if i == 0:
        ga = g @ xp.swapaxes(b[:, None] if b.ndim == 1 else b, -1, -2)
        return ga[..., 0, :] if a.ndim == 1 else ga
    gb = xp.swapaxes(a[None, :] if a.ndim == 1 else a, -1, -2) @ g
    return gb[..., 0] if b.ndim == 1 else gb


def matmul_rows(xp, i, g, y, a, b, *, axes=None, axis=None, **_):
    """For many gradients, of vectors and matrices."""
    a, b = arrays(a, b)
    if a.ndim > 2 or b.ndim > 2 or a.ndim + b.ndim < 3 or not (axes is axis is None):
        return NotImplemented
    if i == 0:
        return g[:, :, None] * b if b.ndim == 1 else g @ b.T
    if a.ndim == 1:
        return a[:, None] * g[:, None, :]
    return g @ a if b.ndim == 1 else a.T @ g


def vecdot_vjp(xp, i, g, a, b):
    """Of the sum of conj(a) b along the last axis."""
    g = g[..., None]
    return xp.conj(g * b) if i == 0 else g * xp.conj(a)


def matvec_vjp(xp, i, g, a, b):
    """Of a matrix times a vector."""
    if i == 0:
        return g[..., :, None] * b[..., None, :]
    return (xp.swapaxes(a, -1, -2) @ g[..., None])[..., 0]


def vecmat_vjp(xp, i, g, a, b):
    """Of the conjugate of a vector times a matrix."""
    if i == 0:
        return xp.conj((b @ g[..., None])[..., 0])
    return xp.conj(a)[..., :, None] * g[..., None, :]


matmul = op(
    "matmul",
    plainly(np.matmul),
    OTHERS,
    vjp=of_cores(matmul_vjp),
    batched=of_both(matmul_rows),
    fast=products_in_c.MatMul,
    implements=(np.matmul,),
)
vecdot = op(
    "vecdot",
    plainly(np.vecdot),
    OTHERS,
    vjp=of_cores(vecdot_vjp),
    implements=(np.vecdot,),
)
__all__ += ["vecdot"]

if hasattr(np, "matvec"):  # since NumPy 2.2
    matvec = op(
        "matvec",
        plainly(np.matvec),
        OTHERS,
        vjp=of_cores(matvec_vjp),
        implements=(np.matvec,),
    )
    vecmat = op(
        "vecmat",
        plainly(np.vecmat),
        OTHERS,
        vjp=of_cores(vecmat_vjp),
        implements=(np.vecmat,),
    )
    __all__ += ["matvec", "vecmat"]

# --- along chosen axes ---

INNER, FIRST = 0, 2  # for `contract`: the last axes with the first ones, or the first of both


def contract_vjp(xp, i, g, a, b, axes_a, axes_b, n_leading=0):
    """Of `tensordot(a, b, (axes_a, axes_b))`, the axes counted from 0.

    `n_leading` is 1 for many gradients.
    """
    layout = layout_of(axes_a, axes_b, a.ndim, b.ndim)
    if layout >= 0 and not n_leading:
        return contraction_vjp(layout, len(axes_a), i, g, a, b)
    if layout == INNER:
        return matrices_rows(i, g, a, b, len(axes_a))
    free_a = [k for k in range(a.ndim) if k not in axes_a]
    free_b = [k for k in range(b.ndim) if k not in axes_b]
    n = n_leading + len(free_a)
    if i == 0:  # the other's contracted axes come out in their order there
        gx = xp.tensordot(g, b, (list(range(n, g.ndim)), free_b))
        axes = free_a + [axes_a[k] for k in order_of(axes_b)]
    elif n_leading:
        gx = xp.tensordot(g, a, (list(range(n_leading, n)), free_a))
        axes = free_b + [axes_b[k] for k in order_of(axes_a)]
    else:
        gx = xp.tensordot(a, g, (free_a, list(range(n))))
        axes = [axes_b[k] for k in order_of(axes_a)] + free_b
    order = order_of(axes)
    if order == list(range(len(order))):
        return gx
    return xp.transpose(gx, (*range(n_leading), *(n_leading + k for k in order)))


def matrices_rows(i, g, a, b, k):
    """The same of the last `k` axes of `a` with the first `k` of `b`: of matrices, reshaped."""
    n, m = len(g), prod(b.shape[:k])
    rows, columns = prod(a.shape[: a.ndim - k]), prod(b.shape[k:])
    g = g.reshape((n, rows, columns))
    if i == 0:
        return (g @ b.reshape((m, columns)).T).reshape((n, *a.shape))
    return (a.reshape((rows, m)).T @ g).reshape((n, *b.shape))


def dot_vjp(xp, i, g, y, a, b, out=None):
    """The last axis of `a` with the last but one of `b`."""
    a, b = arrays(a, b)
    if a.ndim == 0 or b.ndim <= 2:
        return last_with(1, xp, i, g, y, a, b)
    front, n = (*range(b.ndim - 2), b.ndim - 1), b.ndim - 2
    if i == 0:
        return contract(INNER, n + 1, g, b.transpose((*front, n)))
    return contract(FIRST, a.ndim - 1, a, g).transpose((*range(1, n + 1), 0, n + 1))


def last_with(k, xp, i, g, y, a, b, out=None, n_leading=0):
    """Of the last axis of `a` with the last but `k` of `b`; a number is a factor."""
    a, b = arrays(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return g * (b if i == 0 else a)
    return contract_vjp(xp, i, g, a, b, [a.ndim - 1], [max(b.ndim - 1 - k, 0)], n_leading)


dot_rows, inner_vjp = partial(last_with, 1, n_leading=1), partial(last_with, 0)


def tensordot_vjp(xp, i, g, y, a, b, axes=2, n_leading=0):
    """Also a `tensordot`."""
    a, b = arrays(a, b)
    if not isinstance(axes, (list, tuple)) and np.ndim(axes) == 0:
        axes_a, axes_b = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        axes_a, axes_b = (
            list(normalize_axis_tuple(k, n)) for k, n in zip(axes, (a.ndim, b.ndim), strict=True)
        )
    return contract_vjp(xp, i, g, a, b, axes_a, axes_b, n_leading)


def vdot_vjp(xp, i, g, y, a, b):
    """Of the sum of conj(a) b over all elements."""
    a, b = arrays(a, b)
    if i == 0:
        return xp.conj(g * xp.reshape(b, a.shape))
    return g * xp.conj(xp.reshape(a, b.shape))


def outer_vjp(xp, i, g, y, a, b, out=None, n_leading=0):
    """Of every product of an element of `a` with one of `b`."""
    a, b = arrays(a, b)
    leading = g.shape[:n_leading]
    if not n_leading:
        gx = contraction_vjp(INNER, 0, i, g, *(xp.reshape(x, (x.size,)) for x in (a, b)))
        return xp.reshape(gx, (a, b)[i].shape)
    if i == 0:
        return xp.reshape(g @ xp.reshape(b, (b.size,)), leading + a.shape)
    return xp.reshape(xp.reshape(a, (a.size,)) @ g, leading + b.shape)


def kron_vjp(xp, i, g, y, a, b):
    """Of `y`, in which each axis is one of `a` and one of `b`: these two apart, it is a product."""
    a, b = arrays(a, b)
    n = max(a.ndim, b.ndim)
    shape_a, shape_b = ((1,) * (n - x.ndim) + x.shape for x in (a, b))
    g = xp.reshape(g, tuple(k for pair in zip(shape_a, shape_b, strict=True) for k in pair))
    x, other, shape = (a, b, shape_b) if i == 0 else (b, a, shape_a)
    axes = list(range(1 - i, 2 * n, 2))
    return xp.reshape(xp.tensordot(g, xp.reshape(other, shape), (axes, list(range(n)))), x.shape)


def with_rows(vjp):
    """The VJPs of two operands, and those for many gradients."""
    return {"vjp": of_both(vjp), "batched": of_both(partial(vjp, n_leading=1))}


dot = op(
    "dot", np.dot, OTHERS, vjp=of_both(dot_vjp), batched=of_both(dot_rows), fast=products_in_c.Dot
)
inner = op("inner", np.inner, OTHERS, **with_rows(inner_vjp), fast=products_in_c.Inner)
tensordot = op(
    "tensordot", np.tensordot, OTHERS, **with_rows(tensordot_vjp), fast=products_in_c.Tensordot
)
vdot = op("vdot", np.vdot, OTHERS, vjp=of_both(vdot_vjp))
outer = op("outer", np.outer, OTHERS, **with_rows(outer_vjp), fast=products_in_c.Outer)
kron = op("kron", np.kron, OTHERS, vjp=of_both(kron_vjp))
declared({row.name: row.batched for row in (dot, inner, outer)})


def batched_tensordot(axes):
    """The VJPs of `tensordot` along these axes, for many gradients."""
    return tuple(partial(rule, axes=axes) for rule in tensordot.batched)


def in_space(xp, x):
    """Vectors along the last axis, those in the plane as vectors in space."""
    if x.shape[-1] == 3:
        return x
    return xp.concatenate([x, np.zeros((*x.shape[:-1], 1), x.dtype)], axis=-1)


def cross_vjp(xp, i, g, y, a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """`b` x `g` and `g` x `a`."""
    a, b = arrays(a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    x, k = (a, axisa) if i == 0 else (b, axisb)
    if a.shape[axisa] == 2 and b.shape[axisb] == 2:  # only the third component was returned
        g = g[..., None] * np.array([0, 0, 1], g.dtype)
    else:
        g = xp.moveaxis(g, axisc, -1)
    if i == 0:
        gx = xp.cross(in_space(xp, xp.moveaxis(b, axisb, -1)), g)
    else:
        gx = xp.cross(g, in_space(xp, xp.moveaxis(a, axisa, -1)))
    return xp.moveaxis(gx[..., : x.shape[k]], -1, k % x.ndim - x.ndim)


cross = op("cross", np.cross, OTHERS, vjp=of_both(cross_vjp))
