"""See graph.pxd."""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_REFCNT, Py_XDECREF
from libc.stdint cimport INT64_MAX

from numbers import Number

import numpy as np

from fastgrad._core.accumulate cimport NONE, boxed, forget
from fastgrad._core.classes cimport class_from
from fastgrad._core.collector cimport has_references, make_collectable, track
from fastgrad._kernels.loops cimport (
    as_number, from_double, import_numpy, is_array, is_double_scalar, is_exact, is_stand_in,
    stand_in, take_object,
)
from fastgrad._core.node cimport (
    COLLECTABLE, HAS_MOVED, HOLDS_NUMBER, HOLLOW, HOOKED, IN_PYTHON, RECORDED, REQUIRES_GRAD, SPENT,
    copy_of, handle_in, index_of, is_moved, make_slots,
)
from fastgrad._core.handles cimport new_handle_of, origin_here
from fastgrad._core.notes cimport carry_hooks, note_of, put_note
from fastgrad._kernels.spares cimport drop

import_numpy()

# --- the data of a handle ---


cdef object value_of(Handle x):
    if x.array == NULL:
        if not x.flags & HOLDS_NUMBER:
            return None
        x.array = from_double(x.number)
    return <object>x.array


cdef bint is_scalar(object x) except -1:
    # (Not with both in a tuple: of that, Cython lets no exception out.)
    return isinstance(x, Number) or isinstance(x, np.generic)


cdef object as_data(object x):
    if is_array(<PyObject *>x):
        return x
    if is_scalar(x):
        return np.array(x)
    from fastgrad.hints import unsupported  # which is made of all the rest

    raise unsupported(x)


cdef void set_array(Handle x, object array) noexcept:
    cdef PyObject *before = x.array
    x.array = kept(x, array)
    if x.creator == NULL:
        forget_was(x)
    x.flags &= ~(HOLDS_NUMBER | HOLLOW)
    Py_XDECREF(before)


cdef inline void forget_was(Handle x) noexcept:
    cdef PyObject *was = x.was
    if was != NULL:
        x.was = NULL
        drop(was)


cdef int note_rebinding(Handle x) except -1:
    if x.creator != NULL and x.was == NULL and value_of(x) is not None:
        if (<Node>x.creator).flags & IN_PYTHON:  # whose backward may read its outputs
            Py_INCREF(<object>x.array)
            x.was = x.array
        else:
            x.was = stand_in(x.array)
    return 0


cdef object as_recorded(Handle x):
    return value_of(x) if x.was == NULL else <object>x.was


cdef void set_grad(Handle x, object grad) noexcept:
    cdef PyObject *before = x.grad
    x.grad = kept(x, grad)
    Py_XDECREF(before)


cdef int require_fit(object grad, object gx) except -1:
    shape = np.shape(gx)
    if np.shape(grad) == shape:
        return 0
    try:
        if np.broadcast_shapes(np.shape(grad), shape) == shape:
            return 0
    except ValueError:
        pass
    raise ValueError(f"backward: the grad of a leaf has shape {np.shape(grad)}, and the gradient "
                     f"to add has shape {shape}; clear it first (x.cleargrad())")


cdef object shown_by(Handle x):
    return None if x.grad == NULL else <object>x.grad


cdef inline PyObject *kept(Handle x, object array) noexcept:
    """A new reference to what `x` keeps; NULL for None."""
    if array is None:
        return NULL
    Py_INCREF(array)
    if not is_exact(<PyObject *>array) and has_references(<PyObject *>array):
        track(<PyObject *>x)
    return <PyObject *>array


cdef Handle variable(object data, bint requires_grad, PyTypeObject *cls):
    cdef Handle x = new_handle_of(cls)
    x.flags = REQUIRES_GRAD if requires_grad else 0
    fill(x, data)
    return x


def variable_like(x, data, bint requires_grad):
    """A new Variable, of the class of the results of `x`, which may be anything."""
    return variable(data, requires_grad, class_from(x))


cdef int fill(Handle x, object data) except -1:
    if is_double_scalar(<PyObject *>data):
        as_number(<PyObject *>data, &x.number)
        x.flags |= HOLDS_NUMBER
    elif data is not None:
        set_array(x, as_data(data))
    return 0


# --- edges and slots ---


cdef PyObject *known_for(Handle x) noexcept:
    """The handle of that output, which `x` may only stand in for; or NULL."""
    cdef Node f = <Node>x.creator
    cdef int slot = index_of(f, x.slot)
    if not 0 <= slot < f.n_slots or is_moved(x.creator, slot):
        return NULL
    if handle_in(f, slot) == NULL and x.array != NULL and not is_stand_in(x.array):
        f.slots[slot].handle = <PyObject *>x
    return handle_in(f, slot)


cdef int require_shape(Handle x, PyObject *value) except -1:
    before = as_recorded(x).shape
    now = () if value == NULL else np.shape(<object>value)
    if now != before:
        raise ValueError(
            f"a Variable made by {type(<object>x.creator).__name__} with shape {before} was "
            f"assigned data of shape {now}: no gradient can pass; cut it off first "
            "(y.creator = None), or make a new Variable"
        )
    return 0


cdef int64_t no_next_generation() except -1:
    raise OverflowError(f"generation {INT64_MAX} has no next one in 64 bits")


# NOTE [Moved]
# A Variable that was recorded as an output of `f`, and that the program then cuts (`y.creator =
# None`) or gives another creator, counts as what it is now for the Functions that consumed it:
# their gradient goes to it, not to `f`. Their edges still lead to `f`; so its slot keeps the
# handle, now owned, and backward asks there (`HAS_MOVED`). That a handle was moved is not stored:
# its own creator and slot say so, see `is_moved`.


cdef inline bint is_in_place(Handle y) noexcept:
    """Whether it is the handle that its creator knows."""
    cdef Node f = <Node>y.creator
    cdef int slot = index_of(f, y.slot)
    return 0 <= slot < f.n_slots and f.slots[slot].handle == <PyObject *>y


cdef int carry_hooks_of(Handle y, object to, int slot) except -1:
    """Those of `y`, which is about to be moved, become those of a leaf, or of an output."""
    if y.creator == NULL:
        if y.flags & HOOKED:
            carry_hooks(y, LEAF, to, slot)
    elif (<Node>y.creator).flags & HOOKED and is_in_place(y):
        carry_hooks(<object>y.creator, y.slot, to, slot)
    return 0


cdef PyObject *detached(Handle y) noexcept:
    """Make `y` a leaf; the reference to its creator, or NULL, goes to the caller."""
    cdef PyObject *f = y.creator
    if not y.flags & HOLLOW:
        forget_was(y)
    if f != NULL:
        if is_in_place(y):
            if Py_REFCNT(<object>f) > 1:  # something else may lead here
                Py_INCREF(y)
                (<Node>f).flags |= HAS_MOVED
            else:
                (<Node>f).slots[index_of(<Node>f, y.slot)].handle = NULL
        y.creator, y.slot = NULL, origin_here()
    return f


cdef int leave_place(Handle y) except -1:
    """Make `y` a leaf."""
    if y.creator != NULL:
        carry_hooks_of(y, y, LEAF)
    Py_XDECREF(detached(y))
    return 0


cdef int take_place(Handle y, Node f) except -1:
    """Make `y` an output of `f`, which may just be recording itself by hand."""
    cdef int slot = place_for(y, f)
    cdef PyObject *before
    cdef PyObject *replaced
    if y.creator == <PyObject *>f and index_of(f, y.slot) == slot:
        return 0
    make_slots(f, slot + 1)
    carry_hooks_of(y, f, slot + f.first)
    before = detached(y)
    replaced = enter_slot(f, slot, y)
    Py_INCREF(f)
    y.creator, y.slot = <PyObject *>f, slot + f.first
    y.flags |= REQUIRES_GRAD
    assert knows_its_handles(f)
    # Only now, for these may run Python code.
    Py_XDECREF(replaced)
    Py_XDECREF(before)
    # By hand a cycle can be closed, also through what could not be in one before.
    y.flags &= ~COLLECTABLE
    f.flags &= ~COLLECTABLE
    return make_collectable(y)


cdef int place_for(Handle y, Node f) except -1:
    cdef int slot
    for slot in range(f.n_slots):
        if f.slots[slot].handle == <PyObject *>y:
            return slot
    cdef object references = note_of(f, "outputs")
    if references is not None:
        for slot, reference in enumerate(<list>references):
            if referent(reference) is y:
                return slot
    if f.n_slots == 1 and f.flags & RECORDED or f.rule != NULL:
        return 0  # there is but one output: `y` is another handle of it
    return f.n_slots


cdef PyObject *enter_slot(Node f, int slot, Handle y) noexcept:
    """Let the slot know `y`, unless it knows another handle that stands there.

    What it owned before, or NULL, goes to the caller.
    """
    cdef PyObject *before = handle_in(f, slot)
    cdef bint moved = is_moved(<PyObject *>f, slot)
    if before == NULL or moved:
        f.slots[slot].handle = <PyObject *>y
    return before if moved else NULL


cdef bint knows_its_handles(Node f) noexcept:
    cdef int slot
    for slot in range(f.n_slots):
        if is_moved(<PyObject *>f, slot) and not f.flags & HAS_MOVED:
            return False
    return True


cdef object emptied_slot(Node f, int slot):
    """What the slot owned, for the caller to let go of at a time when Python code may run."""
    cdef PyObject *before = f.slots[slot].handle
    cdef bint owned = is_moved(<PyObject *>f, slot)
    f.slots[slot].handle = NULL
    return take_object(before) if owned else None


cdef object referent(object reference):
    """What a weak reference refers to; the program may have put anything in its place."""
    return reference() if callable(reference) else None


cdef int assign_outputs(Node f, list references) except -1:
    """`f.outputs = references`: those of its handles that are alive go to the slots so numbered."""
    cdef int slot, before_slot, n = len(references)
    cdef Handle y
    cdef list handles = [referent(reference) for reference in references]
    cdef list gone = []
    make_slots(f, n)
    for slot in range(n):
        if isinstance(handles[slot], Handle):
            y = handles[slot]
            if y.creator == <PyObject *>f and f.slots[slot].handle != <PyObject *>y:
                before_slot = index_of(f, y.slot)
                if 0 <= before_slot < f.n_slots and f.slots[before_slot].handle == <PyObject *>y:
                    f.slots[before_slot].handle = NULL
                before = emptied_slot(f, slot)
                f.slots[slot].handle = <PyObject *>y
                y.slot = slot + f.first
                gone.append(before)
    for slot in range(n, f.n_slots):
        gone.append(emptied_slot(f, slot))
        if f.slots[slot].gradient.state != NONE:
            gone.append(boxed(&f.slots[slot].gradient))
            forget(&f.slots[slot].gradient)
    f.n_slots = n
    assert knows_its_handles(f)
    put_note(f, "outputs", references)
    return 0


# --- nodes that no backward can pass ---


cdef Node held(Node f):
    cdef Node own = copy_of(f)  # which may run the garbage collector, and that release `f`
    if own.n_edges == 0:
        raise not_walkable(f)
    return own


cdef object not_walkable(Node f):
    name = type(f).__name__
    if f.flags & SPENT:
        return RuntimeError(f"{name}: a backward with retain_graph=False came here and released "
                            "what a second one needs")
    return RuntimeError(f"{name}: creator of a Variable, but it has no inputs")


cdef object ended():
    return RuntimeError(
        "a Variable is used that was kept from a call of a differentiated, or checkpointed, "
        "function that is over: it is an argument of that call, or was computed from one. Keep its "
        "value, x.data or stop_gradient(x), or return it (has_aux=True)")


cdef object called_again(Node f):
    return RuntimeError(f"{type(f).__name__}: was called again since, and its last call alone can "
                        "be differentiated: use an instance for each call")
