"""What the rules of SciPy's functions share."""

import numpy as np

from fastgrad._core.protocols import value


def no_rule(name, operand):
    """The VJP of an operand for which no formula is known here: NotImplementedError when needed."""

    def vjp(xp, g, y, *args, **kwargs):
        raise NotImplementedError(
            f"{name}: the derivative for {operand} is not implemented; pass its value (x.data), or "
            "give the function a rule of your own with fastgrad.op"
        )

    return vjp


def exact(x):
    """`x` in a dtype of which SciPy makes no less than NumPy: native, and no small integers.

    (Of integers of one or two bytes it computes in single precision; those in the other byte order
    some of its functions read as they lie.)
    """
    if not isinstance(x, (np.ndarray, np.generic)):
        return x
    if x.dtype.kind in "biu" and x.dtype.itemsize < 4:
        return x.astype(float)
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def marked(x, bad):
    """`x`, and NaN where `bad`: so are all derivatives there.

    (By a product: what `where` masks out would have the derivative 0.)
    """
    return x * np.where(bad, np.nan, 1) if np.any(bad) else x


def nan_with_output(vjp):
    """`vjp`, and NaN where the output is: outside of the domain, where a formula may go on."""

    def strict(xp, g, y, *args):
        return marked(vjp(xp, g, y, *args), np.isnan(value(y)))

    return strict


def ratio(xp, a, b):
    """`a / b`, and 0 where both are 0: the derivative of `a * log(b)` for b, where a is 0."""
    none = (value(a) == 0) & (value(b) == 0)
    if not np.any(none):
        return a / b
    return xp.where(none, 0, a / xp.where(none, 1, b))


def times(xp, y, factor):
    """`y * factor`, and 0 where y is 0: a density that vanishes, by a factor that may be infinite.

    So are all derivatives there, of a density that vanishes about the point too.
    """
    none = np.asarray(value(y) == 0)
    if not np.any(none):
        return y * factor
    return y * xp.where(none, 0, factor)
