# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See function.pxd."""

from operator import index

import numpy as np

from cpython.object cimport PyObject, PyObject_GenericSetAttr, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF

from fastgrad._core.stand_ins import slots_of
from fastgrad._core.accumulate cimport NONE, forget
from fastgrad._core.config cimport recording
from fastgrad._core.collector cimport (
    has_no_slots, has_references, is_tracked, make_collectable, note_attribute, track, untrack,
)
from fastgrad._core.graph cimport (
    assign_outputs, is_scalar, next_generation, require_shape, value_of, variable,
)
from fastgrad._kernels.loops cimport import_numpy, is_array, is_double_scalar
from fastgrad._core.node cimport (
    COLLECTABLE, HAS_MOVED, Handle, IN_PYTHON, LEAF, RECORDED, REQUIRES_GRAD, SAVED, SPENT,
    adopt_nodes, is_moved, make_edges, make_slots, moved_out, note_by_hand,
)
from fastgrad._core.objects cimport attributes
from fastgrad._core.notes cimport note_of, take_note, without_notes
from fastgrad._core.record cimport Record, begin, count, finish, finish_many
from fastgrad._core.watch cimport watched, watcher
from fastgrad._core.classes cimport class_among
from fastgrad._core.stand_ins cimport recorded_inputs, recorded_outputs
from fastgrad._core.view cimport inputs_of, outputs_of

import_numpy()

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(PyObject *x) noexcept
    bint PyFunction_Check(object x) noexcept
    PyObject *PyFunction_GetClosure(object f) noexcept
    # Borrowed, or NULL: by the cache that every attribute look-up begins with.
    PyObject *type_attribute "_PyType_Lookup"(PyTypeObject *type, object name) noexcept


def as_array(x):
    """`x` as an ndarray if it is a scalar (what `np.isscalar` calls so), else `x` itself.

    >>> as_array(1.5)
    array(1.5)
    """
    return x if is_array(<PyObject *>x) or not np.isscalar(x) else np.array(x)


cdef class Function(Node):
    """Function()\n--\n
    A differentiable function: subclass it, write `forward` and `backward`, call an instance.

    `forward(*xs)` gets the operands' arrays and returns an array, a scalar, or a tuple of several.
    `backward(*gys)` gets the gradient of each output, an ndarray of its shape, or None for an
    output that has none; it returns the gradient for each input (an ndarray of its shape, a scalar
    if that is 0-d, or None), a tuple or a list if there are several. Trailing ones may be left out
    for inputs that need no gradient or hold integers. It may write into its arguments, and read
    `self.inputs`, the Variables as passed, `self.outputs`, and whatever `forward` left on `self`.
    (In place of a Variable that was assigned other data since, it finds one with the data of then.)
    With the class attribute `differentiable = True` it gets, and may return, Variables.

    Operands are Variables, or ndarrays and scalars, which are constants: `forward` gets them as
    they are. (As in DeZero, if the class attribute `lifts` is a class of Variables: operands that
    are none, None included, are made such, and gradients that `backward` leaves out are None.) A
    call returns a Variable, or a list of Variables for several outputs. TypeError for an operand of
    another type, or if `forward` returns something that is no array.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> class Exp(Function):
    ...     def forward(self, x):
    ...         self.y = np.exp(x)
    ...         return self.y
    ...     def backward(self, gy):
    ...         return gy * self.y
    >>> x = Variable(np.array(0.0))
    >>> y = Exp()(x)
    >>> y.backward()
    >>> x.grad
    array(1.)
    """

    differentiable = False
    lifts = None

    def __cinit__(self, *args, **_kwargs):
        cls = type(self)
        if args and cls.__init__ is object.__init__ and type(cls.__new__) is type(len):
            raise TypeError("{0}() takes no arguments, for {0} has no __init__; call what it "
                            "returns with the operands: {0}()(x)".format(cls.__name__))
        if needs_no_tracking(self):
            untrack(<PyObject *>self)

    def __call__(self, *inputs):
        cdef bint constants = False, requires_grad = False
        cdef object x, xs, ys = watcher().function(self, inputs) if watched else NotImplemented
        cdef Handle y
        cdef PyTypeObject *cls
        if ys is not NotImplemented:
            return ys
        for x in inputs:
            if not isinstance(x, Handle):
                constants = True
            elif (<Handle>x).flags & REQUIRES_GRAD:
                if (<Handle>x).was != NULL:
                    data = value_of(x)
                    require_shape(x, <PyObject *>data)
                requires_grad = True
        if constants and self.lifts is not None:
            inputs = lifted(self, inputs, requires_grad)
            constants, requires_grad = False, True
        if len(inputs) == 1 and not constants:  # no list of one
            xs = value_of(inputs[0])
            ys = self.forward(xs)
        else:
            xs = operands_of(self, inputs)
            ys = self.forward(*xs)
        if constants:
            cls = class_among(inputs)
            inputs = tuple([
                x if isinstance(x, Handle) else variable(x, False, cls) for x in inputs
            ])
            xs = [x if is_array(<PyObject *>x) else value_of(y) for x, y in zip(xs, inputs)]

        cdef bint recorded = requires_grad and recording()
        cls = class_among(inputs)
        if not isinstance(ys, tuple):
            y = output_of(ys, requires_grad, cls)
            if recorded:
                record(self, inputs, xs, y, None)
            return y
        cdef list outputs = [output_of(x, requires_grad, cls) for x in ys]
        if not outputs:
            raise TypeError(f"{type(self).__name__}: forward returned an empty tuple")
        if recorded:
            record(self, inputs, xs, None, outputs)
        return outputs if len(outputs) > 1 else outputs[0]

    def forward(self, *xs):
        """The outputs' arrays, from the operands'. A subclass writes this."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *gys):
        """The inputs' gradients, from the outputs'. A subclass writes this."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    @property
    def inputs(self):
        """The Variables that it was called with: a tuple. AttributeError before a call.

        Of a built-in operation, a Variable that the program holds no more is made again, once, with
        the value that was saved for `backward`, or None. Assignable.

        In `backward`, one that was assigned other data since has a Variable in its place.
        """
        require_call(self, "inputs")
        if self.flags & IN_PYTHON and self.n_running > 0:
            return recorded_inputs(self)
        return inputs_of(self)

    @inputs.setter
    def inputs(self, xs):
        if not isinstance(xs, (tuple, list)) or not all([isinstance(x, Handle) for x in xs]):
            raise TypeError(f"{type(self).__name__}: inputs must be a tuple of Variables")
        cdef Node _before = moved_out(self)  # let go at the end
        keep_inputs(self, tuple(xs), [value_of(x) for x in xs])
        self.flags = (self.flags | RECORDED) & ~SPENT
        make_collectable(self)

    @property
    def outputs(self):
        """Weak references to the Variables that it made: a list. AttributeError before a call."""
        if note_of(self, "outputs") is None:
            require_call(self, "outputs")
        if self.flags & IN_PYTHON and self.n_running > 0:
            return recorded_outputs(self)
        return outputs_of(self)

    @outputs.setter
    def outputs(self, references):
        if not isinstance(references, (tuple, list)):
            raise TypeError(f"{type(self).__name__}: outputs must be a list of weak references")
        assign_outputs(self, references if type(references) is list else list(references))

    @property
    def generation(self):
        """The greatest generation of its inputs. Assignable: an int of 64 bits."""
        return self.generation

    @generation.setter
    def generation(self, value):
        self.generation = index(value)
        note_by_hand()

    def __setattr__(self, name, value):
        PyObject_GenericSetAttr(self, name, value)
        note_attribute(self, name, value)

    # A copy has the attributes, and was not called.

    def __getstate__(self):
        return {**without_notes(vars(self)), **slots_of(self)}

    def __reduce_ex__(self, protocol):
        return super().__reduce_ex__(max(protocol, 2))  # 0 and 1 would ask for no state

    def __setstate__(self, members):
        for name, value in members.items():
            setattr(self, name, value)


# The class that was asked for last, as it was then: the version changes with the class.
cdef extern from *:
    """
    /* Changes with the class; 0: it has none now. Python 3.10 says so in a flag alone. */
    #if PY_VERSION_HEX < 0x030B0000
    #define fg_version_of(type) \\
        ((type)->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG ? (type)->tp_version_tag : 0)
    #else
    #define fg_version_of(type) ((type)->tp_version_tag)
    #endif
    """
    unsigned int version_of "fg_version_of"(PyTypeObject *type) noexcept

cdef PyTypeObject *last_type = NULL
cdef unsigned int last_version = 0
cdef bint last_answer = False


cdef bint needs_no_tracking(Function f) except -1:
    """NOTE [Garbage collector]: what __slots__ and closures refer to, nobody watches."""
    global last_type, last_version, last_answer
    cdef PyTypeObject *type = Py_TYPE(<PyObject *>f)
    if type == last_type and last_version == version_of(type) != 0:
        return last_answer
    last_answer = (has_no_slots(<PyObject *>f) and not is_closure(f, "forward")
                   and not is_closure(f, "backward"))
    last_type, last_version = type, version_of(type)  # the look-ups gave it one
    return last_answer


cdef bint is_closure(Function f, name) except -1:
    """Whether the method may refer to an instance: instance, class, method, closure: a cycle."""
    cdef PyObject *method = type_attribute(Py_TYPE(<PyObject *>f), name)
    if method == NULL or not PyFunction_Check(<object>method):
        return False
    if PyFunction_GetClosure(<object>method) == NULL:
        return False
    names = (<object>method).__code__.co_freevars
    return len(names) > 0 and set(names) != {"__class__"}


cdef Handle output_of(object y, bint requires_grad, PyTypeObject *cls):
    """A Variable of what `forward` returned: of what `as_array` makes an array of, or of None."""
    if not is_array(<PyObject *>y) and not is_double_scalar(<PyObject *>y) and y is not None:
        # A Variable was made by a derivative inside of `forward`: it is a value there.
        y = value_of(y) if isinstance(y, Handle) else as_array(y)
        if not is_array(<PyObject *>y):
            raise TypeError(f"{type(y)} is not supported")
    return variable(y, requires_grad, cls)


cdef tuple lifted(Function f, tuple inputs, bint requires_grad):
    """All as Variables; those that are made here need a gradient if no other does."""
    cdef Handle x
    cdef list made = []
    for value in inputs:
        if not isinstance(value, Handle):
            value = f.lifts(value)
            if not isinstance(value, Handle):
                raise TypeError(f"{type(f).__name__}: `lifts` made a {type(value).__name__}, "
                                "expected a Variable")
            x = value
            if requires_grad:
                x.flags &= ~REQUIRES_GRAD
        made.append(value)
    return tuple(made)


cdef list operands_of(Function f, tuple inputs):
    """What `forward` gets."""
    cdef list xs = []
    if not inputs:
        raise TypeError(f"{type(f).__name__}: called without operands")
    for x in inputs:
        if isinstance(x, Handle):
            x = value_of(x)
        elif not is_array(<PyObject *>x) and not is_scalar(x):
            raise TypeError(f"{type(f).__name__}: operand {len(xs)} is a {type(x).__name__}, "
                            "expected a Variable, an ndarray or a scalar")
        xs.append(x)
    return xs


cdef int record(Function f, tuple inputs, object xs, Handle y, list ys) except -1:
    """Make `f` the creator of `y`, or of `ys`; if it was called before, it forgets that call.

    `xs` are the data of the inputs: of one, or a list of them.
    """
    cdef Record r
    cdef Node _before = None  # let go at the end
    cdef bint again = f.flags & RECORDED != 0
    cdef object x
    begin(&r)
    for x in inputs:
        count(&r, x, True)
    next_generation(r.generation)  # or an exception, while `f` is as it was
    forget_call(f)
    make_slots(f, 1 if ys is None else len(ys))
    if f.n_edges or f.kept != NULL:
        _before = moved_out(f)
    keep_inputs(f, inputs, xs)
    if may_refer_back(f):  # also through what `__dict__` was given behind our back
        again = True
        track(<PyObject *>f)
    r.tracked |= is_tracked(<PyObject *>f)
    if ys is None:
        finish(&r, f, y)
    else:
        finish_many(&r, f, ys)
    if not r.tracked:
        untrack(<PyObject *>inputs)
    # The inputs may be made of what it made before: a cycle.
    return make_collectable(f) if again else 0


class AsRecorded(Function):
    """Leads from the stand-in of a leaf to the leaf."""

    differentiable = True

    def backward(self, gy):
        return gy


def lead_from(Handle y, Handle x, object array):
    """Record the stand-in `y`, which has the data `array`, as made of the leaf `x`."""
    record(AsRecorded(), (x,), array, y, None)


cdef bint may_refer_back(Function f) except -1:
    """Whether an attribute refers to something: see NOTE [Garbage collector]."""
    cdef object value
    if attributes(<PyObject *>f)[0] != NULL:
        for value in (<dict>attributes(<PyObject *>f)[0]).values():
            if has_references(<PyObject *>value) and is_tracked(<PyObject *>value):
                return True
    return False


cdef int forget_call(Function f) except -1:
    cdef int slot
    cdef bint moved
    cdef PyObject *handle
    cdef object _outputs = take_note(f, "outputs")  # let go at the end
    f.flags &= ~(SPENT | HAS_MOVED | COLLECTABLE)
    cdef int first = f.first + f.n_slots
    for slot in range(f.n_slots):
        if f.slots[slot].gradient.state != NONE:
            f.run = 0  # no backward holds it any more: one that comes here will say so
        forget(&f.slots[slot].gradient)
        handle = f.slots[slot].handle
        moved = is_moved(<PyObject *>f, slot)
        f.slots[slot].handle = NULL
        if moved:
            Py_DECREF(<object>handle)  # which may run Python code
    # What leads to the earlier outputs must not end at the new ones.
    f.first = first if first < 1 << 30 else 0
    return 0


cdef int keep_inputs(Function f, tuple inputs, object xs) except -1:
    """And their data, as they are now: of one input, or a list of them."""
    cdef int i, n = len(inputs)
    cdef PyObject *x
    make_edges(f, n)
    for i in range(n):
        f.edges[i].to, f.edges[i].slot = <PyObject *>inputs[i], LEAF
        Py_INCREF(inputs[i])
        x = <PyObject *>(<list>xs)[i] if type(xs) is list else <PyObject *>xs
        if <object>x is not None:
            Py_INCREF(<object>x)
            f.edges[i].saved.array, f.edges[i].flags = x, SAVED
    Py_INCREF(inputs)
    f.kept = <PyObject *>inputs
    f.flags |= IN_PYTHON
    return 0


cdef int require_call(Function f, name) except -1:
    if not f.flags & RECORDED:
        raise AttributeError(f"'{type(f).__name__}' object has no attribute '{name}' before a call")
    return 0


adopt_nodes(<PyTypeObject *>Function)
