"""What a differentiated function gets: boxes of arrays, and containers of them.

An ArrayBox is a Variable, and what is computed from it is one. A box of a tuple, a list or a dict
is a tuple, a list or a dict, of boxes. So there are no levels: a box of a box is the same Variable,
and what it belongs to is said by the graph.
"""

import builtins
from typing import ClassVar

import numpy as np

from fastgrad._core.config import get as recording
from fastgrad.transforms.arguments import identity
from fastgrad.variable import Variable


class Box:
    """What all boxes are instances of. `type_mappings` has the class of box for a type of value."""

    __slots__ = ()
    type_mappings: ClassVar = {}

    @classmethod
    def register(cls, value_type):
        """Let values of that type be boxed in boxes of this class."""
        Box.type_mappings[value_type] = Box.type_mappings[cls] = cls


class LostGradient(RuntimeError, TypeError):
    """A box was converted to a number or an array, by which its gradient is lost.

    (A TypeError of autograd's, and a RuntimeError of fastgrad's.)
    """


class ArrayBox(Variable, Box, results=True):
    """A Variable, as a differentiated function gets it."""

    __slots__ = ()
    __module__ = "autograd.numpy.numpy_boxes"  # by its beginning PennyLane and autoray know it

    def __str__(self):
        return f"Autograd {builtins.type(self).__name__} with value {self.data}"

    _value = property(lambda self: getval(self), doc="The array, or the scalar, that is in it.")
    _trace = property(lambda self: 0, doc="Always 0: there are no levels.")
    _node = property(lambda self: End(self), doc="What `core.backward_pass` begins with.")
    lost_gradient = LostGradient

    def __copy__(self):
        return self  # which nobody writes into

    def __deepcopy__(self, memo):
        return self

    def __array_namespace__(self, *, api_version=None):
        from fastgrad.compat.autograd import numpy

        return numpy


class End:
    """The place of a box in its graph."""

    __slots__ = ("box",)

    def __init__(self, box):
        self.box = box


class SequenceBox(Box):
    """A tuple or a list of boxes."""

    __slots__ = ()
    _value = property(lambda self: getval(self))


class TupleBox(SequenceBox, builtins.tuple):
    """A tuple of boxes."""

    __slots__ = ()


class ListBox(SequenceBox, builtins.list):
    """A list of boxes."""

    __slots__ = ()


class DictBox(Box, builtins.dict):
    """A dict of boxes, which can be read as those of Python 2 too."""

    __slots__ = ()
    _value = property(lambda self: getval(self))

    def iteritems(self):
        """The pairs, one by one."""
        return iter(self.items())

    def iterkeys(self):
        """The keys, one by one."""
        return iter(self)

    def itervalues(self):
        """The boxes, one by one."""
        return iter(self.values())


for _type in (np.ndarray, float, complex, np.float16, np.float32, np.float64, np.longdouble,
              np.complex64, np.complex128, np.clongdouble):  # fmt: skip
    ArrayBox.register(_type)
SequenceBox.register(builtins.tuple)
SequenceBox.register(builtins.list)
DictBox.register(builtins.dict)

# A container of boxes, and the type of it without them.
BOXED = {builtins.tuple: TupleBox, builtins.list: ListBox, builtins.dict: DictBox}
PLAIN = {box: plain for plain, box in BOXED.items()}


def isbox(x):
    """Whether `x` is a box: a Variable, or a container of boxes."""
    return isinstance(x, (Variable, Box))


def getval(x):
    """The value of a box: an array, a NumPy scalar, or a container of them; of others, themselves.

    >>> from fastgrad.compat.autograd import grad
    >>> grad(lambda x: x * getval(x))(3.0)
    np.float64(3.0)
    """
    if isinstance(x, Variable):
        array = x.data
        return array if array.ndim else array[()]
    kind = PLAIN.get(type(x))
    if kind is not None:
        return mapped(getval, x, kind)
    return getval(x._value) if isinstance(x, Box) else x


def mapped(f, tree, kind):
    """A container of that kind, of `f` of each of the parts."""
    if issubclass(kind, dict):
        return kind(zip(tree, map(f, tree.values()), strict=True))
    return kind(map(f, tree))


def opened(tree):
    """A tree with plain containers for boxes of them."""
    kind = PLAIN.get(type(tree), type(tree))
    return mapped(opened, tree, kind) if kind in BOXED else tree


def boxed(tree):
    """A tree of boxes as the box that it is: containers that hold a Variable become boxes."""
    kind = BOXED.get(type(tree))
    if kind is None or not holds_box(tree):
        return tree
    return mapped(boxed, tree, kind)


def holds_box(tree):
    """Whether it is a Variable, or a container that holds one."""
    if isinstance(tree, Variable):
        return True
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, (tuple, list)):
        return False
    return any(map(holds_box, tree))


def box_of(x, nested):
    """A box for `x`, a leaf of an argument: one more Variable of its value; and if that is nested.

    `nested` is whether some box before it was of a Variable that somebody differentiates for.
    """
    if isinstance(x, Variable):
        if x.requires_grad and recording():
            return identity(x), True
        return ArrayBox(x.data), nested
    is_array = isinstance(x, np.ndarray) and x.dtype.kind in "fcbiu"
    if not is_array and (type(x) not in Box.type_mappings or isinstance(x, np.ndarray)):
        raise TypeError(f"Can't differentiate w.r.t. type {type(x)}")
    return ArrayBox(np.asanyarray(x)), nested
