# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See function.pxd."""

import copyreg
import warnings
import weakref
from operator import index

import numpy as np

from cpython.object cimport PyObject, PyObject_GenericSetAttr, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, Py_XINCREF

from fastgrad._core.config import enter, leave

from fastgrad._core.accumulate cimport NONE, forget
from fastgrad._core.config cimport recording
from fastgrad._core.collector cimport (
    has_no_slots, has_references, is_tracked, make_collectable, note_attribute, track, untrack,
)
from fastgrad._core.graph cimport (
    as_recorded, assign_outputs, inputs_of, is_scalar, next_generation, not_walkable, note_of,
    outputs_of, referent, require_shape, set_array, take_note, value_of, variable, without_notes,
)
from fastgrad._kernels.loops cimport (
    holds_integers, import_numpy, is_array, is_double, is_double_scalar, is_exact, is_stand_in,
    same_dtype, same_shape,
)
from fastgrad._core.node cimport (
    COLLECTABLE, HAS_MOVED, Handle, IN_PYTHON, LEAF, RECORDED, REQUIRES_GRAD, SAVED, SPENT,
    adopt_nodes, attributes, handle_in, index_of, is_moved, make_edges, make_slots, moved_out,
    new_handle, variable_type,
)
from fastgrad._core.record cimport Record, begin, count, finish, finish_many

import_numpy()

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(PyObject *x) noexcept
    bint PyFunction_Check(object x) noexcept
    PyObject *PyFunction_GetClosure(object f) noexcept
    # Borrowed, or NULL: by the cache that every attribute look-up begins with.
    PyObject *type_attribute "_PyType_Lookup"(PyTypeObject *type, object name) noexcept


def slots_of(x):
    """What the `__slots__` of the class of `x` hold."""
    names = copyreg._slotnames(type(x))
    return {name: getattr(x, name) for name in names if hasattr(x, name)}


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
    With the class attribute `differentiable = True` it gets the gradients as Variables, and may
    return Variables.

    Operands are Variables, or ndarrays and scalars, which are constants: `forward` gets them as
    they are. A call returns a Variable, or a list of Variables for several outputs. TypeError for
    an operand of another type, or if `forward` returns something that is no array.

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

    def __cinit__(self):
        if needs_no_tracking(self):
            untrack(<PyObject *>self)

    def __call__(self, *inputs):
        cdef bint constants = False, requires_grad = False
        cdef object x, ys, xs
        cdef Handle y
        for x in inputs:
            if not isinstance(x, Handle):
                constants = True
            elif (<Handle>x).flags & REQUIRES_GRAD:
                if (<Handle>x).was != NULL:
                    data = value_of(x)
                    require_shape(x, <PyObject *>data)
                requires_grad = True
        if len(inputs) == 1 and not constants:  # no list of one
            xs = value_of(inputs[0])
            ys = self.forward(xs)
        else:
            xs = operands_of(self, inputs)
            ys = self.forward(*xs)
        if constants:
            inputs = tuple([x if isinstance(x, Handle) else variable(x, False) for x in inputs])
            xs = [x if is_array(<PyObject *>x) else value_of(y) for x, y in zip(xs, inputs)]

        cdef bint recorded = requires_grad and recording()
        if not isinstance(ys, tuple):
            y = output_of(ys, requires_grad)
            if recorded:
                record(self, inputs, xs, y, None)
            return y
        cdef list outputs = [output_of(x, requires_grad) for x in ys]
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

        Of a built-in operation, a Variable that the program holds no more is made anew, with the
        value that was saved for `backward`, or None. Assignable.

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


cdef Handle output_of(object y, bint requires_grad):
    """A Variable of what `forward` returned: of what `as_array` makes an array of, or of None."""
    if not is_array(<PyObject *>y) and not is_double_scalar(<PyObject *>y) and y is not None:
        # A Variable was made by a derivative inside of `forward`: it is a value there.
        y = value_of(y) if isinstance(y, Handle) else as_array(y)
        if not is_array(<PyObject *>y):
            raise TypeError(f"{type(y)} is not supported")
    return variable(y, requires_grad)


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


# --- backward ---


cdef list by_output(Function f, list gys):
    """Order the gradients of the slots as the program assigned `outputs`."""
    cdef Handle y
    cdef list ordered = []
    cdef int i, slot
    cdef object references = note_of(f, "outputs")
    if references is None:
        return gys
    for i, reference in enumerate(<list>references):
        output = referent(reference)
        slot = i if i < min(f.n_slots, len(gys)) and handle_in(f, i) == NULL else -1
        if isinstance(output, Handle):
            y = output
            slot = index_of(f, y.slot)
            if y.creator != <PyObject *>f or slot >= len(gys):
                slot = -1
        ordered.append(None if slot < 0 else gys[slot])
    return ordered


cdef object call_backward(Node node, list gys, tuple inputs, object xs):
    cdef Function f = node
    cdef object gxs
    gys = by_output(f, gys)
    f.n_running += 1
    try:
        if f.differentiable:
            gys = [None if gy is None else variable(gy, False) for gy in gys]
            before = enter(False)  # the Variables of `inputs` would have everything recorded
            try:
                gxs = f.backward(*gys)
            finally:
                leave(before)
        else:
            gxs = f.backward(gys[0]) if len(gys) == 1 else f.backward(*gys)
    finally:
        end_backward(f)
    return counted(f, gxs, inputs, xs)


cdef tuple call_recorded(Node node, list gys, tuple inputs, object xs):
    cdef Function f = node
    if not f.differentiable:
        raise RuntimeError(
            f"{type(f).__name__}: its backward computes with arrays, and cannot be differentiated "
            "itself; write it for Variables, and set differentiable = True on the class")
    gys = by_output(f, gys)
    gys = [guarded(gy) for gy in gys]
    arrays = [None if gy is None else value_of(gy) for gy in gys]
    warn_of_saved(f, inputs, xs)
    f.n_running += 1
    try:
        gxs = f.backward(*gys)
    finally:
        end_backward(f)
    for gy, array in zip(gys, arrays):
        if gy is not None and value_of(gy) is not array:
            raise RuntimeError(f"{type(f).__name__}: backward assigned the data of a gradient that "
                               "it was given, which no derivative knows of; make a new Variable")
    gxs = counted(f, gxs, inputs, xs)
    return ((gxs,) if len(inputs) == 1 else gxs), gys


cdef object guarded(Handle gy):
    """A Variable in the place of `gy`, which others hold too: into its array nobody can write."""
    if gy is None:
        return None
    array = value_of(gy).view()
    array.flags.writeable = False
    return variable_at(gy, array)


cdef object counted(Function f, object gxs, tuple inputs, object xs):
    """What `backward` returned, as call_backward promises it."""
    cdef int i, n = len(inputs), n_given = 1
    if isinstance(gxs, list):
        gxs = tuple(gxs)
    if isinstance(gxs, tuple):
        n_given = len(<tuple>gxs)
    if n_given != n:
        wrong = (f"{type(f).__name__}: backward returned {n_given} "
                 f"gradient{'' if n_given == 1 else 's'}, expected {n}")
        if n_given > n:
            raise ValueError(wrong)
        for i in range(n_given, n):
            if not may_be_left_out(inputs[i], recorded_value(xs, i, n)):
                raise ValueError(f"{wrong}: there is none for input {i}")
        gxs = (*(gxs if isinstance(gxs, tuple) else (gxs,)), *[None] * (n - n_given))
    return (<tuple>gxs)[0] if n == 1 and isinstance(gxs, tuple) else gxs


cdef bint may_be_left_out(Handle x, object data) except -1:
    """Whether it needs no gradient, or holds integers: labels."""
    return not x.flags & REQUIRES_GRAD or (data is not None and data.dtype.kind not in "fcO")


cdef int warn_of_saved(Function f, tuple inputs, object xs) except -1:
    """Its `backward` is about to be recorded: what it takes from `self` are constants there."""
    cdef int i, n = len(inputs)
    cdef PyObject *own = attributes(<PyObject *>f)[0]
    saved = slots_of(f)
    if own != NULL:
        saved.update(<dict>own)
    known = [(f"input {i}", f"self.inputs[{i}]", recorded_value(xs, i, n)) for i in range(n)
             if (<Handle>inputs[i]).flags & REQUIRES_GRAD]
    for i in range(f.n_slots):
        if handle_in(f, i) != NULL:
            known.append((f"output {i}", f"self.outputs[{i}]()",
                          as_recorded(<Handle>handle_in(f, i))))
    for name, value in saved.items():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            for what, instead, x in known:
                if is_of(part, x):
                    warnings.warn(
                        f"{type(f).__name__}: its attribute {name} holds the array of {what}, a "
                        "constant for the derivative of backward, which would lack a part; read "
                        f"{instead}, a Variable, in its place", stacklevel=2)
                    return 0
    return 0


cdef bint is_of(object part, object x) except -1:
    """Whether `part` is `x` or a view of it, or the number that is in it."""
    if x is None or x.dtype.kind not in "fcO":
        return False
    if isinstance(part, np.generic):
        return x.ndim == 0 and part.dtype == x.dtype and bool(part == x)
    return is_array(<PyObject *>part) and part.size > 0 and np.may_share_memory(part, x)


# NOTE [Stand-ins]
# The gradients of a Function are those of the data that its inputs had when it was called. Its
# `backward` reads them from `self.inputs`, whose Variables the program may have given other data
# since. So a Function keeps those data, see `running`, and while the engine has `backward` run,
# `self.inputs` has in the place of such a Variable another one: with the data of then, of the same
# class, with the same attributes, and at the same place in the graph, so that what is recorded with
# it leads to the one that was passed. That one is not touched, for others may look at it meanwhile.
# All threads find the stand-ins, and each time the same: `backward` may use threads itself. The
# same holds for `self.outputs`: a Variable of a Function's keeps the data that it was made with.

cdef dict stand_ins = {}  # by address of the Function: by addresses of Variable and data


class AsRecorded(Function):
    """Leads from the stand-in of a leaf to the leaf."""

    differentiable = True

    def backward(self, gy):
        return gy


cdef Handle variable_at(Handle x, object array):
    cdef Handle y = new_handle()
    if Py_TYPE(<PyObject *>x) != variable_type:
        y = (<object>variable_type).__new__(type(x))
    set_array(y, array)
    y.flags |= x.flags & REQUIRES_GRAD
    y.name = x.name
    Py_XINCREF(y.name)
    if attributes(<PyObject *>x)[0] != NULL:
        Py_XDECREF(attributes(<PyObject *>y)[0])
        attributes(<PyObject *>y)[0] = attributes(<PyObject *>x)[0]
        Py_XINCREF(attributes(<PyObject *>x)[0])
    for name, value in slots_of(x).items():
        setattr(y, name, value)
    if x.creator != NULL:
        Py_XINCREF(x.creator)
        y.creator, y.slot, y.generation = x.creator, x.slot, x.generation
    elif x.flags & REQUIRES_GRAD:
        record(AsRecorded(), (x,), array, y, None)
    if is_tracked(<PyObject *>x):
        track(<PyObject *>y)
    return y


cdef Handle stand_in_for(Function f, Handle x, object array):
    cdef dict made = {}
    if f.n_running > 0:
        made = stand_ins.setdefault(<size_t><PyObject *>f, made)
    key = (<size_t><PyObject *>x, <size_t><PyObject *>array)
    if key not in made:
        made[key] = variable_at(x, array)
    return made[key]


cdef int end_backward(Function f) except -1:
    f.n_running -= 1
    if f.n_running == 0 and stand_ins:
        stand_ins.pop(<size_t><PyObject *>f, None)
    return 0


cdef object recorded_data(Node f):
    return data_at(f, 0) if f.n_edges == 1 else tuple([data_at(f, i) for i in range(f.n_edges)])


cdef inline object data_at(Node f, int i):
    return <object>f.edges[i].saved.array if f.edges[i].flags & SAVED else None


cdef object recorded_value(object xs, int i, int n):
    return xs if n == 1 or xs is None else (<tuple>xs)[i]


cdef tuple recorded_inputs(Node f):
    if not f.flags & IN_PYTHON:
        raise not_walkable(f)
    cdef tuple inputs = <tuple>f.kept
    cdef int i, n = len(inputs)
    cdef bint same = True
    for i in range(n):
        same = same and value_of(inputs[i]) is data_at(f, i)
    if same:
        return inputs
    cdef object xs = recorded_data(f)
    return tuple([
        x if value_of(x) is recorded_value(xs, i, n)
        else stand_in_for(f, x, recorded_value(xs, i, n))
        for i, x in enumerate(inputs)
    ])


cdef list recorded_outputs(Function f):
    cdef list references = outputs_of(f)
    cdef list found = references
    for i, reference in enumerate(references):
        y = referent(reference)
        if isinstance(y, Handle) and (<Handle>y).was != NULL:
            was = as_recorded(y)
            if (<Handle>y).creator == <PyObject *>f and not is_hollow(was):
                if found is references:
                    found = list(references)
                found[i] = weakref.ref(stand_in_for(f, y, was))
    return found


cdef bint is_hollow(object array) noexcept:
    """Whether it only stands for a shape and a dtype."""
    return is_exact(<PyObject *>array) and is_stand_in(<PyObject *>array)


adopt_nodes(<PyTypeObject *>Function)
