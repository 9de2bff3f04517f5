# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See variable.pxd. The class Variable itself, with its docstring, is in variable.py."""

from operator import index

import numpy as np

from cpython.object cimport PyObject, PyObject_GenericSetAttr, PyObject_RichCompare, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t

from fastgrad._core.collector cimport (
    has_no_slots, has_references, make_collectable, note_attribute, untrack,
)
from fastgrad._core.graph cimport (
    as_data, leave_place, next_generation, note_rebinding, set_array, set_grad, take_place,
    value_of,
)
from fastgrad._core.view cimport cut_history, form_of, note_form, note_name
from fastgrad._core.watch cimport watched, watcher
from fastgrad._kernels.loops cimport import_numpy, is_array
from fastgrad._core.node cimport ENDED, Node, REQUIRES_GRAD, note_by_hand
from fastgrad._core.handles cimport adopt_handles, adopt_variable, origin_here

import_numpy()

# What is meant by an attribute's name with two letters exchanged, or as other libraries have it.
_misspelled = {
    name[:i] + name[i + 1] + name[i] + name[i + 2:]: name
    for name in ("data", "grad", "name", "creator", "generation", "requires_grad")
    for i in range(len(name) - 1)
}
_misspelled["require_grad"] = "requires_grad"


cdef class VariableBase(Handle):
    """VariableBase(data, name=None, *, requires_grad=True)\n--\n\nSee Variable."""

    def __cinit__(self):
        self.slot = origin_here()
        if has_no_slots(<PyObject *>self):  # those of a subclass may refer to anything
            untrack(<PyObject *>self)

    def __init__(self, data, name=None, *, requires_grad=True):
        if data is not None and not is_array(<PyObject *>data):
            from fastgrad.hints import unsupported  # which is made of all the rest

            raise unsupported(data)
        leave_place(self)
        self.generation = 0
        set_requires_grad(self, bool(requires_grad))
        set_array(self, data)
        set_grad(self, None)
        if name is not None or self.name != NULL:
            set_name(self, name)

    @property
    def data(self):
        """The value: an ndarray, or None. Assignable, to an ndarray, a scalar or None."""
        if watched:
            watcher().read(self)
        return value_of(self)

    @data.setter
    def data(self, value):
        value = None if value is None else as_data(value)
        if watched:
            watcher().assigned(self)
        note_rebinding(self)
        set_array(self, value)

    @property
    def grad(self):
        """The gradient: an ndarray of the shape of `data`, or None.

        Set on the Variable that `backward` is called on, it is the gradient to start from.
        Assignable, to an ndarray, a scalar, a Variable, which is kept as it is, or None.
        """
        if self.grad == NULL:
            if self.creator != NULL:
                from fastgrad.hints import missing_gradient  # which is made of all the rest

                missing_gradient(self)
            return None
        return <object>self.grad

    @grad.setter
    def grad(self, value):
        if isinstance(value, Handle):
            make_collectable(self)  # its graph may lead back
            set_grad(self, value)
            return
        if type(value) in (bool, int, float):
            value = number_like(value, self)
        set_grad(self, None if value is None else as_data(value))

    @grad.deleter
    def grad(self):
        set_grad(self, None)

    @property
    def name(self):
        """Whatever the program calls it."""
        return None if self.name == NULL else <object>self.name

    @name.setter
    def name(self, value):
        set_name(self, value)

    @name.deleter
    def name(self):
        set_name(self, None)

    @property
    def creator(self):
        """The Function that made it, or None: it is a leaf.

        Assignable. None makes it a leaf, for graphs recorded with it too; TypeError for what is no
        Function.
        """
        if self.creator == NULL:
            return None
        note_form(self)
        return <object>self.creator

    @creator.setter
    def creator(self, f):
        if f is None:
            leave_place(self)
        else:
            take_place(self, function(f))
            note_by_hand()
            if self.name != NULL:
                note_name(self)

    def set_creator(self, func):
        """Make this an output of the Function `func`, one generation after it.

        TypeError if `func` is no Function.
        """
        cdef Node f = function(func)
        cdef int64_t generation = index(func.generation)  # maybe an attribute of its class
        cdef int64_t after = next_generation(generation)
        take_place(self, f)
        if f.generation != generation:
            note_by_hand()
        if self.name != NULL:
            note_name(self)
        f.generation = generation
        self.generation = after

    def unchain(self):
        """Make this a leaf: `self.creator = None`. What it was computed from is let go.

        Graphs that were recorded with it end here too: their gradient is added to its `grad`. (As
        long as they live, so does the Function that made it.)

        >>> import numpy as np
        >>> from fastgrad import Variable
        >>> x = Variable(np.array(3.0))
        >>> y = x * x
        >>> y.unchain()
        >>> z = y * 2
        >>> z.backward()
        >>> x.grad, y.grad
        (None, array(2.))
        """
        leave_place(self)

    def unchain_backward(self):
        """Make leaves of the inputs of the Function that made it, of theirs, and so on.

        What they were computed from is let go, data and nodes: a recurrent network's history, when
        its gradients are there. The creator of this Variable alone stays. No effect on a leaf.

        >>> import numpy as np
        >>> from fastgrad import Variable
        >>> x = Variable(np.array(3.0))
        >>> h = x * x
        >>> loss = h * 2
        >>> loss.backward()
        >>> loss.unchain_backward()
        >>> h.creator is None, x.grad
        (True, array(12.))
        """
        cut_history(self)

    @property
    def generation(self):
        """How many Functions came before it, at most: 0 for a leaf. Assignable: 64 bits."""
        return self.generation

    @generation.setter
    def generation(self, value):
        self.generation = index(value)
        note_by_hand()

    @property
    def requires_grad(self):
        """Whether `backward` finds a gradient for it. Assignable on leaves, else RuntimeError."""
        return self.flags & REQUIRES_GRAD != 0

    @requires_grad.setter
    def requires_grad(self, value):
        if self.creator != NULL:
            raise RuntimeError("requires_grad: only that of a leaf can be set, this has a creator")
        set_requires_grad(self, bool(value))

    @property
    def shape(self):
        """The shape of `data`."""
        return form_of(self).shape

    @property
    def ndim(self):
        """The number of dimensions of `data`."""
        return form_of(self).ndim

    @property
    def size(self):
        """The number of elements of `data`."""
        return form_of(self).size

    @property
    def dtype(self):
        """The dtype of `data`."""
        return form_of(self).dtype

    def cleargrad(self):
        """Forget the gradient."""
        set_grad(self, None)

    def __len__(self):
        return len(form_of(self))

    def __bool__(self):
        if watched:
            watcher().asked(self)
        return bool(value_of(self))

    def __repr__(self):
        if watched:
            watcher().read(self)
        data = value_of(self)
        if data is None:
            return "variable(None)"
        return "variable(" + str(data).replace("\n", "\n" + " " * 9) + ")"

    # Elementwise, a plain array: `np.where(x == 0, ...)` would be silently wrong otherwise.
    def __richcmp__(self, other, int op):
        if watched:
            answer = watcher().comparison(self, other, op)
            if answer is not NotImplemented:
                return answer
        if isinstance(other, Handle):
            other = value_of(other)
        elif type(other) is list or type(other) is tuple:
            from fastgrad._core.protocols import value
            other = value(other)  # with the values of the Variables in it
        return PyObject_RichCompare(value_of(self), other, op)

    def __hash__(self):
        return <Py_hash_t>(<size_t><PyObject *>self >> 4)

    def __setattr__(self, name, value):
        PyObject_GenericSetAttr(self, name, value)
        note_attribute(self, name, value)
        if name in _misspelled:
            from fastgrad.hints import misspelled  # which is made of all the rest

            misspelled(self, name, _misspelled[name])


cdef object number_like(object number, Handle x):
    """A Python number as an array of the dtype of `x`, if that is floating or complex."""
    data = value_of(x)
    return np.array(number, data.dtype if data is not None and data.dtype.kind in "fc" else None)


cdef Node function(object f):
    if not isinstance(f, Node):
        raise TypeError(f"creator must be a Function, not {type(f).__name__}")
    return f


cdef void set_requires_grad(Handle x, bint value) noexcept:
    x.flags &= ~(REQUIRES_GRAD | ENDED)
    if value:
        x.flags |= REQUIRES_GRAD


cdef int set_name(Handle x, object name) except -1:
    cdef PyObject *before = x.name
    x.name = NULL
    if name is not None:
        Py_INCREF(name)
        x.name = <PyObject *>name
        if has_references(x.name):
            make_collectable(x)
    if x.creator != NULL:
        note_name(x)
    Py_XDECREF(before)
    return 0


adopt_handles(<PyTypeObject *>VariableBase)


def register(cls):
    """Make `cls`, the public class Variable, the one whose instances compiled code makes.

    The only arrow upward among the modules. A Python class, unlike a compiled one, lets programs
    assign operators on it, as the seed does; its compiled base keeps them at full speed till then.
    """
    global registered
    if not isinstance(cls, type) or not issubclass(cls, VariableBase) or registered:
        raise TypeError("register: there is one public class Variable")
    registered = True
    adopt_variable(<PyTypeObject *>cls)
    return cls


cdef bint registered = False
