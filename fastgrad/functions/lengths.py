"""What the derivatives of lengths share: `abs`, `hypot`, `norm`, `std`, which have a tip at 0.

NOTE [Lengths]: the gradient of a length y of x is g x / y. At 0, where it does not exist, it is 0;
and so are its own derivatives, as far as they do not exist. What a program makes of y may be smooth
there, such as y**2: then g vanishes with y, and g / y has a limit, which is the derivative of g for
y. An array does not tell it, but a Variable does, whose graph leads to y: `slope_at_zero`. (The
next term of the limit is of third order in y: derivatives up to the third are right.) Each length
that is 0 costs a walk through what was made of it, where derivatives are recorded, and only there.
"""

import weakref
from _thread import _local  # threading.local, without a module that takes long to import

import numpy as np

from fastgrad._core.node import Handle
from fastgrad._core.protocols import value

# `slope`: whether this thread looks for one. Those of other lengths on the way would change the
# derivatives beyond the third only, and each would be looked for anew: 2**n walks for n lengths.
# `zeros`: the Functions that made lengths of which one is 0, as this thread met them.
running = _local()


def is_complex(x):
    """Whether an array, or a Variable, is one of complex numbers."""
    return x.dtype.kind == "c"


def wide(x):
    """`x`, but float16 as float32, for a formula of many roundings; as NumPy computes, too."""
    return x.astype(np.float32) if getattr(x, "dtype", None) == np.float16 else x


def floating(x):
    """`x`, but integers and booleans as float64: an array, a Variable or a number."""
    if not hasattr(x, "dtype") and not isinstance(x, (float, complex)):
        x = np.asarray(x)
    return x.astype(float)[()] if hasattr(x, "dtype") and x.dtype.kind in "biu" else x


def masked_ratio(xp, x, y):
    """`x / y`; where y is 0 it is 0, and so are all of its derivatives."""
    zero = value(y) == 0
    if not np.any(zero):
        return x / y
    return xp.where(zero, 0, x / xp.where(zero, 1, y))


def slope_at_zero(xp, g, y):
    """Where the Variable `y` is 0 the derivative of `g` for it, elsewhere 0; None if there is none.

    Element by element: that `g` depends on other elements of `y` is left out, which it does not
    where a smooth function of `x` was computed (it is even in each element of `y`).
    """
    zero = value(y) == 0
    if not isinstance(g, Handle) or not g.requires_grad or not np.any(zero):
        return None
    if getattr(running, "slope", False):
        return None
    zero = np.asarray(zero)
    from fastgrad._core import ends, recorded  # which needs the rows

    alive = None if y.creator is None else y.creator.outputs[0]()
    if alive is not None:  # the output itself: `y` has its value as recorded, if it was assigned
        y = alive
    others = running.__dict__.setdefault("zeros", weakref.WeakSet())
    start = type(g)(zero.astype(g.dtype), requires_grad=False)
    running.slope = True
    try:
        (slope,) = recorded.gradients([g], [start], [y], True)
    finally:
        running.slope = False
    unknown = slope is None and others and np.any(zero & (value(g) == 0))
    if unknown and ends.reaches(g, 1 << 62, False, {id(f): f for f in others}):
        warn_of_two(type(y.creator).__name__)
    if y.creator is not None:
        others.add(y.creator)
    return None if slope is None else xp.where(zero, slope, 0)


def warn_of_two(name):
    """What is made of two lengths may be smooth where both are 0; their graphs do not tell."""
    from fastgrad.functions.degenerate import warn_degenerate  # which needs the rows

    warn_degenerate(
        f"{name}: a length that is 0 meets another one, and what is made of both may have a second "
        "derivative there, which is not known: it is taken as 0; compute the length once "
        "(r = norm(x); r * r), or its square (np.sum(x * x))"
    )
