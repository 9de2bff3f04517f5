"""Vector spaces: what values can be differentiated for, and how they are added and multiplied."""

from typing import ClassVar

import numpy as np

import fastgrad.numpy as xp
from fastgrad.compat.autograd.boxes import ArrayBox, boxed, getval, isbox, opened
from fastgrad.compat.autograd.primitives import SparseObject
from fastgrad.compat.autograd.util import subval
from fastgrad.variable import Variable


class VSpace:
    """The vectors that are like a value: a program derives from it and registers its types."""

    mappings: ClassVar = {}
    iscomplex = False

    def __init__(self, value):
        """Of a subclass: note what is like `value`. (It has `zeros ones standard_basis randn`.)"""

    def add(self, x, y):
        """The sum."""
        return self._add(x, y)

    def mut_add(self, x, y):
        """The sum, which may be written into `x`; of zero, if that is None."""
        return self._mut_add(self.zeros() if x is None else x, y)

    def scalar_mul(self, x, a):
        """`x` times the number `a`."""
        return self._scalar_mul(x, a)

    def inner_prod(self, x, y):
        """The inner product, a real number."""
        return self._inner_prod(x, y)

    def covector(self, x):
        """A vector as a gradient, or a gradient as a vector: its conjugate."""
        return self._covector(x)

    def _add(self, x, y):
        return x + y

    def _mut_add(self, x, y):
        return self._add(x, y)

    def _scalar_mul(self, x, a):
        return x * a

    def _inner_prod(self, x, y):
        raise NotImplementedError(repr(self))

    def _covector(self, x):
        return x

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None

    def __repr__(self):
        return f"{type(self).__name__}_{vars(self)}"

    @classmethod
    def register(cls, value_type, vspace_maker=None):
        """Let vectors like those of that type be in this space, or in what the maker returns."""
        VSpace.mappings[value_type] = vspace_maker or cls


class ArrayVSpace(VSpace):
    """Real arrays of a shape and a dtype, and numbers. `size` is the dimension of the space."""

    units = (1.0,)

    def __init__(self, value):
        value = np.asarray(getval(value))
        self.shape, self.dtype = value.shape, value.dtype

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: len(self.units) * int(np.prod(self.shape)))

    def zeros(self):
        """An array of zeros."""
        return np.zeros(self.shape, self.dtype)

    def ones(self):
        """An array of ones; of a complex space, of 1 + 1j."""
        return np.full(self.shape, sum(self.units), self.dtype)

    def standard_basis(self):
        """Arrays of zeros but for one element."""
        for i in np.ndindex(*self.shape):
            for unit in self.units:
                vector = self.zeros()
                vector[i] = unit
                yield vector

    def randn(self):
        """Of NumPy's global generator, which programs seed."""
        parts = [np.random.randn(*self.shape) * unit for unit in self.units]  # noqa: NPY002
        return np.asarray(sum(parts)).astype(self.dtype)

    def _inner_prod(self, x, y):
        return xp.real(xp.dot(xp.conj(xp.ravel(x)), xp.ravel(y)))


class ComplexArrayVSpace(ArrayVSpace):
    """Complex arrays, of twice as many dimensions."""

    iscomplex = True
    units = (1.0, 1.0j)

    def _covector(self, x):
        return xp.conj(x)


def of_parts(name):
    """A method that calls that of the spaces of the parts."""

    def method(self, *xs):
        return self._map(lambda space, *parts: getattr(space, name)(*parts), *xs)

    return method


class ContainerVSpace(VSpace):
    """Tuples, lists or dicts: the product of the spaces of their parts, which are its `shape`."""

    def __init__(self, value):
        self.shape = opened(value)
        self.shape = self._map(vspace)

    size = property(lambda self: sum(space.size for space in self._values(self.shape)))
    iscomplex = property(lambda self: any(space.iscomplex for space in self._values(self.shape)))
    zeros, ones, randn, _add, _covector = map(
        of_parts, ("zeros", "ones", "randn", "_add", "_covector")
    )

    def standard_basis(self):
        """Zero, but for one part, which is of the basis of its space."""
        for i, space in self._kv_pairs(self.shape):
            for x in space.standard_basis():
                yield self._subval(self.zeros(), i, x)

    def _scalar_mul(self, x, a):
        return self._map(lambda space, x: space._scalar_mul(x, a), x)

    def _inner_prod(self, x, y):
        parts = self._map(lambda space, x, y: space._inner_prod(x, y), x, y)
        return sum(self._values(parts))


class SequenceVSpace(ContainerVSpace):
    """Tuples or lists: `seq_type` is which."""

    def _values(self, x):
        return x

    def _kv_pairs(self, x):
        return enumerate(x)

    def _map(self, f, *xs):
        return boxed(self.seq_type(map(f, self.shape, *xs)))

    def _subval(self, xs, i, x):
        return self.seq_type(subval(xs, i, x))


class ListVSpace(SequenceVSpace):
    """Lists."""

    seq_type = list


class TupleVSpace(SequenceVSpace):
    """Tuples."""

    seq_type = tuple


class NamedTupleVSpace(SequenceVSpace):
    """Namedtuples: `seq_type` is the class."""

    def _map(self, f, *xs):
        return self.seq_type(*map(f, self.shape, *xs))

    def _subval(self, xs, i, x):
        return self.seq_type(*subval(xs, i, x))


class DictVSpace(ContainerVSpace):
    """Dicts."""

    def _values(self, x):
        return x.values()

    def _kv_pairs(self, x):
        return x.items()

    def _map(self, f, *xs):
        return boxed({key: f(part, *(x[key] for x in xs)) for key, part in self.shape.items()})

    def _subval(self, xs, key, x):
        return {**xs, key: x}


def vspace(value):
    """The vector space of a value, or of a box: TypeError if it is in none."""
    kind = type(value)
    if isinstance(value, Variable):
        kind = np.ndarray
    maker = VSpace.mappings.get(kind)
    if maker is None and isbox(value):
        return vspace(getval(value))
    if maker is None:
        raise TypeError(
            f"Can't find vector space for value {value} of type {kind}. Valid types are "
            f"{list(VSpace.mappings)}"
        )
    return maker(value)


def of_array(x):
    """The space of an array."""
    return (ComplexArrayVSpace if x.dtype.kind == "c" else ArrayVSpace)(x)


VSpace.register(np.ndarray, of_array)
VSpace.register(ArrayBox, of_array)
VSpace.register(SparseObject, lambda x: x.vs)
for _type in (float, np.float16, np.float32, np.float64, np.longdouble):
    ArrayVSpace.register(_type)
for _type in (complex, np.complex64, np.complex128, np.clongdouble):
    ComplexArrayVSpace.register(_type)
ListVSpace.register(list)
TupleVSpace.register(tuple)
DictVSpace.register(dict)
