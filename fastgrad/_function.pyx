# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See _function.pxd."""

import copyreg
from operator import index

import numpy as np

from cpython.object cimport PyObject, PyObject_GenericSetAttr, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t

from fastgrad._config import enter, leave
from fastgrad._debug import without_notes

from fastgrad._accumulate cimport fitted, forget
from fastgrad._config cimport recording
from fastgrad._debug cimport note_if_armed
from fastgrad._graph cimport (
    assign_outputs, as_recorded, inputs_of, is_scalar, next_generation, outputs_of, put_output,
    referent, require_shape, value_of, variable,
)
from fastgrad._loops cimport (
    import_numpy, is_array, is_double, is_double_scalar, is_exact, same_dtype, same_shape,
)
from fastgrad._node cimport (
    COLLECTABLE, Handle, HAS_MOVED, RECALLED, HOLDS_NUMBER, REBOUND, RECORDED, REQUIRES_GRAD, SPENT,
    adopt_nodes, attributes, has_references, drop_edges, first_slot, handle_in, has_no_slots,
    index_of, is_moved, is_tracked, make_collectable, make_slots, note_attribute, track, untrack,
)

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
    if that is 0-d, or None), a tuple if there are several. It may read `self.inputs`, the Variables
    as passed, and whatever `forward` left on `self`. With the class attribute `differentiable =
    True` it gets the gradients as Variables, and may return Variables.

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
        cdef int64_t generation = 0
        cdef object x, ys
        cdef Handle y
        for x in inputs:
            if not isinstance(x, Handle):
                constants = True
            elif (<Handle>x).flags & REQUIRES_GRAD:
                if (<Handle>x).flags & REBOUND:
                    data = value_of(x)
                    require_shape(x, <PyObject *>data)
                if not requires_grad or (<Handle>x).generation > generation:
                    generation = (<Handle>x).generation
                requires_grad = True
        if len(inputs) == 1 and not constants:  # no list of one
            ys = self.forward(value_of(inputs[0]))
        else:
            ys = self.forward(*operands_of(self, inputs))
        if constants:
            inputs = tuple([x if isinstance(x, Handle) else variable(x, False) for x in inputs])

        cdef bint recorded = requires_grad and recording()
        if not isinstance(ys, tuple):
            y = output_of(ys, requires_grad)
            if recorded:
                record(self, inputs, y, None, generation)
            return y
        cdef list outputs = [output_of(x, requires_grad) for x in ys]
        if not outputs:
            raise TypeError(f"{type(self).__name__}: forward returned an empty tuple")
        if recorded:
            record(self, inputs, None, outputs, generation)
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
        """
        require_call(self, "inputs")
        return inputs_of(self)

    @inputs.setter
    def inputs(self, xs):
        if not isinstance(xs, (tuple, list)) or not all([isinstance(x, Handle) for x in xs]):
            raise TypeError(f"{type(self).__name__}: inputs must be a tuple of Variables")
        keep_inputs(self, tuple(xs))
        self.flags = (self.flags | RECORDED) & ~SPENT
        make_collectable(self)

    @property
    def outputs(self):
        """Weak references to the Variables that it made: a list. AttributeError before a call."""
        if self.outputs == NULL:
            require_call(self, "outputs")
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


cdef int record(Function f, tuple inputs, Handle y, list ys, int64_t generation) except -1:
    """Make `f` the creator of `y`, or of `ys`; if it was called before, it forgets that call."""
    cdef int64_t after = next_generation(generation)
    cdef int slot, n = 1 if ys is None else len(ys)
    cdef bint again = f.flags & RECORDED != 0
    forget_call(f)
    make_slots(f, n)
    f.n_slots = n
    f.generation = generation
    keep_inputs(f, inputs)
    f.flags |= RECORDED
    if may_refer_back(f):  # also through what `__dict__` was given behind our back
        again = True
        track(<PyObject *>f)
    cdef bint tracked = is_tracked(<PyObject *>f) or any_tracked(inputs)
    for slot in range(n):
        if ys is not None:
            y = ys[slot]
        put_output(f, slot, y, after)
        if tracked:
            track(<PyObject *>y)
    if tracked:
        track(<PyObject *>f)
    else:
        untrack(<PyObject *>inputs)
    note_if_armed(f)
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


cdef bint any_tracked(tuple inputs) noexcept:
    cdef object x
    for x in inputs:
        if is_tracked(<PyObject *>x):
            return True
        if (<Handle>x).creator != NULL and is_tracked((<Handle>x).creator):
            return True
    return False


cdef int forget_call(Function f) except -1:
    cdef int slot
    cdef bint moved
    cdef PyObject *handle
    cdef PyObject *outputs = f.outputs
    f.outputs = NULL
    Py_XDECREF(outputs)
    f.flags &= ~(SPENT | HAS_MOVED | COLLECTABLE)
    drop_edges(f)
    cdef int first = first_slot(f) + f.n_slots
    for slot in range(f.n_slots):
        forget(&f.slots[slot].gradient)
        handle = f.slots[slot].handle
        moved = is_moved(<PyObject *>f, slot)
        f.slots[slot].handle = NULL
        if moved:
            Py_DECREF(<object>handle)  # which may run Python code
    if first:  # what leads to the earlier outputs must not end at the new ones
        f.edges[1].slot = first if first < 1 << 30 else 0
        f.flags |= RECALLED
    return 0


cdef int keep_inputs(Function f, tuple inputs) except -1:
    cdef PyObject *before = f.inputs
    Py_INCREF(inputs)
    f.inputs = <PyObject *>inputs
    Py_XDECREF(before)
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
    for i, reference in enumerate(<list>f.outputs):
        output = referent(reference)
        slot = i if i < min(f.n_slots, len(gys)) and handle_in(f, i) == NULL else -1
        if isinstance(output, Handle):
            y = output
            slot = index_of(f, y.slot)
            if y.creator != <PyObject *>f or slot >= len(gys):
                slot = -1
        ordered.append(None if slot < 0 else gys[slot])
    return ordered


cdef object call_backward(Node node, list gys, int n):
    cdef Function f = node
    cdef object gxs
    if f.outputs != NULL:
        gys = by_output(f, gys)
    if f.differentiable:
        gys = [None if gy is None else variable(gy, False) for gy in gys]
        before = enter(False)  # the Variables of `inputs` would have everything recorded
        try:
            gxs = f.backward(*gys)
        finally:
            leave(before)
    else:
        gxs = f.backward(gys[0]) if len(gys) == 1 else f.backward(*gys)
    require_count(f, len(<tuple>gxs) if isinstance(gxs, tuple) else 1, n)
    return (<tuple>gxs)[0] if n == 1 and isinstance(gxs, tuple) else gxs


cdef inline int require_count(Function f, Py_ssize_t n_given, int n) except -1:
    if n_given != n:
        raise ValueError(f"{type(f).__name__}: backward returned {n_given} "
                         f"gradient{'' if n_given == 1 else 's'}, expected {n}")
    return 0


cdef object call_recorded(Node node, list gys, int n):
    cdef Function f = node
    if not f.differentiable:
        raise RuntimeError(
            f"{type(f).__name__}: its backward computes with arrays, and cannot be differentiated "
            "itself; write it for Variables, and set differentiable = True on the class")
    if f.outputs != NULL:
        gys = by_output(f, gys)
    gxs = f.backward(*gys)
    if not isinstance(gxs, tuple):
        gxs = (gxs,)
    require_count(f, len(gxs), n)
    return gxs


cdef object checked_gradient(Node f, int i, object gx, Handle x, list gys):
    if not x.flags & REQUIRES_GRAD or gx is None:
        return None
    if x.array == NULL and not x.flags & HOLDS_NUMBER:
        return np.asanyarray(gx)  # its shape is not known any more
    # Nearly always there is nothing to do. The rest costs a microsecond.
    if x.flags & REBOUND:
        return brought_to(f, i, gx, x, gys)
    cdef PyObject *data = x.array
    if is_double_scalar(<PyObject *>gx) and (data == NULL or is_double(data)):
        return gx
    if data != NULL and is_exact(<PyObject *>gx) and same_shape(<PyObject *>gx, data):
        if same_dtype(<PyObject *>gx, data):
            return gx
    return brought_to(f, i, gx, x, gys)


cdef object brought_to(Node f, int i, object gx, Handle x, list gys):
    """`gx` as an ndarray of the shape and dtype of `x`, or an exception."""
    cdef object data = as_recorded(x)
    if isinstance(gx, Handle):
        gx = value_of(gx)
        if gx is None:
            return None
    g = np.asanyarray(gx) if is_array(<PyObject *>gx) or is_scalar(gx) else None
    if g is None or g.dtype.kind not in "biufcO":
        raise TypeError(f"{type(f).__name__}: gradient for input {i} is a {type(gx).__name__}, "
                        "expected an ndarray, a scalar or None")
    if g.shape != data.shape and not is_broadcast(g, data, gys):
        raise ValueError(f"{type(f).__name__}: gradient for input {i} has shape {g.shape}, "
                         f"expected {data.shape}")
    return fitted(g, data)


cdef bint is_broadcast(object g, object data, list gys) except -1:
    """Whether `g` has the shape of an output, to which `data` was broadcast."""
    if not any([gy is not None and gy.shape == g.shape for gy in gys]):
        return False
    try:
        return np.broadcast_shapes(g.shape, data.shape) == g.shape
    except ValueError:
        return False


adopt_nodes(<PyTypeObject *>Function)
