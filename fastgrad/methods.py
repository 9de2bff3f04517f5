"""The methods of Variable that are an ndarray's: the same names and arguments, differentiable."""

import numpy as np

from fastgrad import functions as F
from fastgrad._core.protocols import value
from fastgrad._core.watch import watching
from fastgrad.conversions import leaves_graph
from fastgrad.functions.shapes import reshape_row
from fastgrad.op import NOTHING, op, refuse_out

astype = op(
    "astype",
    lambda x, *args, **kwargs: x.astype(*args, **kwargs),
    NOTHING,
    vjp=lambda xp, g, y, x, *args, **kwargs: g,  # the engine casts it back
    implements=(),
)


def reshape(self, *shape, **kwargs):
    """`ndarray.reshape`, differentiable: the shape is a tuple, or comes length by length."""
    shape = shape[0] if len(shape) == 1 else shape
    return F.reshape(self, shape, **kwargs) if kwargs else reshape_row(self, shape)


def transpose(self, *axes):
    """`ndarray.transpose`, differentiable."""
    axes = axes[0] if len(axes) == 1 else axes or None
    return F.transpose(self) if axes is None else F.transpose(self, axes)


def flatten(self, order="C"):
    """`ndarray.flatten`, differentiable: a copy."""
    return F.copy(F.ravel(self, order=order))


def compress(self, condition, axis=None, out=None):
    """`ndarray.compress`, differentiable."""
    return F.compress(condition, self, axis=axis, out=out)


def clip(self, min=None, max=None, out=None, **kwargs):
    """`ndarray.clip`, differentiable, for the bounds too."""
    return F.clip(self, min, max, out, **kwargs)


def plain(name):
    """A method whose result is an ndarray, or a number."""
    # The function of that name has the same arguments, and names them before NumPy 2.4 too.
    named = getattr(np, name, getattr(np.ndarray, name))

    def method(self, *args, **kwargs):
        refuse_out(f"Variable.{name}", named, (self, *args), kwargs)
        if (watcher := watching()) is not None:
            made = watcher.plain(named, (self, *args), kwargs)
            if made is not NotImplemented:
                return made
        kwargs = {key: value(x) for key, x in kwargs.items()}
        return getattr(self.data, name)(*map(value, args), **kwargs)

    method.__name__ = name
    method.__doc__ = f"`ndarray.{name}`, of the data: the result is plain."
    return method


def converting(name):
    """A method that converts the data, so that the result has no graph."""

    def method(self, *args, **kwargs):
        leaves_graph(self, f"x.{name}()")
        return getattr(self.data, name)(*map(value, args), **kwargs)

    method.__name__ = name
    method.__doc__ = (
        f"`ndarray.{name}`, of the data: a conversion. RuntimeError in a function that is being "
        "differentiated."
    )
    return method


def refused(name, instead):
    """A method that raises, since it would write into the array."""

    def method(self, *args, **kwargs):
        raise TypeError(
            f"Variable.{name}: writes into the array, and a graph that was recorded with it would "
            f"be wrong; {instead}"
        )

    method.__name__ = name
    method.__doc__ = f"Refused, for it writes into the array: {instead}."
    return method


class ArrayMethods:
    """What an ndarray can do besides arithmetic, for Variable to inherit."""

    __slots__ = ()

    # --- differentiable: the functions, with the Variable as their first argument ---

    sum, mean, prod, std, var = F.sum, F.mean, F.prod, F.std, F.var
    max, min = F.max, F.min
    cumsum, cumprod, trace, dot = F.cumsum, F.cumprod, F.trace, F.dot
    ravel, squeeze, swapaxes, repeat = F.ravel, F.squeeze, F.swapaxes, F.repeat
    take, diagonal = F.take, F.diagonal
    compress, clip = compress, clip
    round, conj, conjugate, copy = F.round, F.conjugate, F.conjugate, F.copy
    astype = astype
    reshape = reshape
    transpose = transpose
    flatten = flatten

    @property
    def T(self):
        """The axes in reverse order."""
        return F.transpose(self)

    @property
    def mT(self):
        """The last two axes exchanged."""
        return F.matrix_transpose(self)

    @property
    def real(self):
        """The real part."""
        return F.real(self)

    @property
    def imag(self):
        """The imaginary part."""
        return F.imag(self)

    @property
    def flat(self):
        """Its elements, one by one, in C order."""
        return iter(F.ravel(self))

    # --- plain ---

    argmax, argmin, argsort, argpartition = map(plain, "argmax argmin argsort argpartition".split())
    all, any, nonzero, searchsorted = map(plain, "all any nonzero searchsorted".split())
    item, tolist, tobytes, dump, dumps = map(converting, "item tolist tobytes dump dumps".split())

    @property
    def nbytes(self):
        """How many bytes the elements of `data` take."""
        return self.data.nbytes

    @property
    def itemsize(self):
        """How many bytes an element of `data` takes."""
        return self.data.itemsize

    # --- refused ---

    sort = refused("sort", "use np.sort(x)")
    partition = refused("partition", "use np.partition(x, kth)")
    fill = refused("fill", "use np.full_like(x.data, value)")
    put = refused("put", "use np.where")
    resize = refused("resize", "use np.resize(x, shape)")
    itemset = refused("itemset", "use np.where")
    __setitem__ = refused(
        "__setitem__", "use np.where(mask, new, x), or write into x.data before it is used"
    )
    __delitem__ = refused("__delitem__", "use np.delete(x, index)")

    # --- Python's own protocols ---

    # Conversions, which no gradient passes: see conversions.py. What reads the value without
    # computing with it, as an index or a text, is silent.

    def __array__(self, dtype=None, copy=None):
        """The data: a GradientWarning if it was recorded, a RuntimeError within a transform."""
        if dtype != np.bool_:
            leaves_graph(self, "np.asarray (of x, or of a list with x)", quiet=False)
        return np.array(self.data, dtype=dtype, copy=copy)

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Variable")
        return (self[i] for i in range(len(self)))

    def __contains__(self, item):
        return bool(np.any(self == item))

    def __float__(self):
        leaves_graph(self, "float(x)")
        return float(self.data)

    def __int__(self):
        leaves_graph(self, "int(x)")
        return int(self.data)

    def __complex__(self):
        leaves_graph(self, "complex(x)")
        return complex(self.data)

    def __index__(self):
        return self.data.__index__()

    def __format__(self, spec):
        return format(self.data, spec) if spec else str(self)

    def __round__(self, ndigits=None):
        return F.round(self, ndigits or 0)

    # --- operators that are seldom in a hot path ---

    def __pos__(self):
        return F.positive(self)

    def __mod__(self, other):
        return F.remainder(self, other)

    def __rmod__(self, other):
        return F.remainder(other, self)

    def __floordiv__(self, other):
        return F.floor_divide(self, other)

    def __rfloordiv__(self, other):
        return F.floor_divide(other, self)

    def __divmod__(self, other):
        return F.floor_divide(self, other), F.remainder(self, other)

    def __rdivmod__(self, other):
        return F.floor_divide(other, self), F.remainder(other, self)
