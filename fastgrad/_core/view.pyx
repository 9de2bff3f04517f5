"""See view.pxd.

NOTE [Views]
An interior Variable that nobody holds is gone, and with it data that no rule reads. Where a program
looks, at `f.inputs`, there is a Variable again: made once, owned by a note of `f`, and entered in
the slot of its creator, where whoever else consumed it finds it. (No cycle: consumer, Variable,
creator.) Its data are what somebody saved of it, or None; then it is HOLLOW, and shape and dtype
are those of `was`. They come from what its consumer saved, or from what `creator` noted of the
output when the program came by: `note_form`. A name is noted with the creator when it is set.
"""

import weakref

import numpy as np

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

from fastgrad._core.collector cimport has_references, is_tracked, track
from fastgrad._core.graph cimport (
    as_data, as_recorded, is_scalar, leave_place, next_generation, put_output, set_array,
    value_of, variable,
)
from fastgrad._core.node cimport (
    ALIKE, Edge, FORM, HOLLOW, Handle, IN_PYTHON, LEAF, Node, OF_ROW, OWNS, SAVED, SAVED_NUMBER,
    STAND_IN, WEAK, copy_of, handle_in, index_of,
)
from fastgrad._core.handles cimport new_handle, new_handle_of
from fastgrad._core.classes cimport any_subclass, class_from
from fastgrad._core.notes cimport note_of, put_note
from fastgrad._kernels.loops cimport (
    from_double, import_numpy, is_array, is_exact, is_stand_in, stand_in, take_object,
)
from fastgrad._kernels.spares cimport drop

import_numpy()

cdef str NAMES = "names of outputs"


cdef tuple inputs_of(Node f):
    if f.flags & IN_PYTHON:
        return <tuple>f.kept
    cdef object shown = note_of(f, "inputs")
    if shown is not None or f.n_edges == 0:
        return shown or ()
    cdef int n = f.n_edges if f.rule == NULL else min(f.n_edges, f.rule.n_inputs)
    if n == 2 and f.rule != NULL and f.rule.weak_x1 and is_number(&f.edges[1]):
        n = 1  # the exponent is no operand: as in the book, and in its pictures
    cdef Node own = copy_of(f)  # what runs meanwhile may release `f`
    cdef PyTypeObject *cls = class_at(f)
    cdef object _held = None if cls == NULL else <object>cls
    cdef tuple made = tuple([
        handle_for(own.edges[i].to, own.edges[i].slot, operand_at(own, i, f), cls)
        for i in range(n)
    ])
    shown = note_of(f, "inputs")  # ... or ask for them too
    if shown is not None or f.n_edges == 0:
        return shown or made
    put_note(f, "inputs", made)
    return made


cdef PyTypeObject *class_at(Node f) noexcept:
    """The class of what is computed there: that of an output, or of what it was computed from."""
    cdef PyTypeObject *cls
    cdef PyObject *next
    cdef int i
    while any_subclass:
        for i in range(f.n_slots):
            if handle_in(f, i) != NULL:
                return class_from(<Handle>handle_in(f, i))
        next = NULL
        for i in range(f.n_edges):
            if f.edges[i].to != NULL and f.edges[i].slot == LEAF:
                cls = class_from(<Handle>f.edges[i].to)
                if cls != NULL:
                    return cls
            elif next == NULL:
                next = f.edges[i].to
        if next == NULL:
            break
        f = <Node>next
    return NULL


cdef bint is_number(const Edge *edge) noexcept:
    """Whether the operand was a number of Python's."""
    if edge.flags & SAVED:
        return isinstance(<object>edge.saved.array, (int, float, complex))
    return edge.flags & WEAK != 0


cdef object operand_at(Node own, int i, Node f):
    """The data of operand `i`, or what stands for them, or None."""
    cdef Edge *edge = &own.edges[i]
    if edge.flags & SAVED_NUMBER:
        return take_object(from_double(edge.saved.number))
    if edge.flags & (STAND_IN | FORM):
        return <object>edge.saved.array
    if edge.flags & SAVED:
        x = <object>edge.saved.array
        if isinstance(x, (list, tuple)):
            return np.asarray(x)
        return as_data(x) if is_array(<PyObject *>x) or is_scalar(x) else None
    if edge.flags & ALIKE and handle_in(f, 0) != NULL:
        return form_like(<Handle>handle_in(f, 0))
    return None


cdef object form_like(Handle y):
    """What stands for the data with which `y` was recorded."""
    cdef object x = as_recorded(y)
    return None if x is None else take_object(stand_in(<PyObject *>x))


cdef bint is_form(object x) noexcept:
    """Whether `x` only stands for data, or is None."""
    return x is None or (is_array(<PyObject *>x) and is_exact(<PyObject *>x)
                         and is_stand_in(<PyObject *>x))


cdef Handle handle_for(PyObject *to, int slot, object value, PyTypeObject *cls):
    cdef Node creator
    cdef Handle x
    if to == NULL:
        return new_view(value, cls)
    if slot == LEAF:
        return <Handle>to
    creator = <Node>to
    slot = index_of(creator, slot)
    x = live(creator, slot)
    if x is None:
        if is_form(value):
            value = saved_output(creator, slot, value)
        x = new_view(value, cls)  # which may run the garbage collector
        if not 0 <= slot < creator.n_slots:
            return x
        if live(creator, slot) is None:
            put_output(creator, slot, x, next_generation(creator.generation))
            names = note_of(creator, NAMES)
            name = None if names is None else (<dict>names).get(x.slot)
            if name is not None:
                Py_INCREF(name)
                x.name = <PyObject *>name
            if is_tracked(to):
                track(<PyObject *>x)
        x = live(creator, slot)
    if x.flags & HOLLOW and not is_form(value):
        set_array(x, value)
        drop(x.was)
        x.was = NULL
    return x


cdef inline Handle live(Node creator, int slot):
    cdef PyObject *x = handle_in(creator, slot) if 0 <= slot < creator.n_slots else NULL
    return None if x == NULL else <Handle>x


cdef Handle new_view(object value, PyTypeObject *cls):
    cdef Handle x
    if not is_form(value):
        return variable(value, False, cls)
    x = new_handle_of(cls)
    if value is not None:
        Py_INCREF(value)
        x.was = <PyObject *>value
        x.flags = HOLLOW
    return x


cdef object saved_output(Node f, int slot, object value):
    """What `f` saved of its output: its data, or what stands for them. Else `value`."""
    cdef Edge *edge
    cdef object y = value
    if f.flags & OF_ROW:
        from fastgrad._core.row_function import output_at  # which is made of all this

        y = output_at(f, slot)
    elif f.rule != NULL and f.rule.n_inputs == 1 and f.n_edges == 2:
        edge = &f.edges[1]
        if edge.flags & SAVED_NUMBER:
            y = take_object(from_double(edge.saved.number))
        elif edge.flags & SAVED:
            y = <object>edge.saved.array
    return value if y is None else y


cdef Handle handle_to_read(PyObject *to, int slot, object value, PyTypeObject *cls):
    cdef Handle x
    cdef Node creator
    if to == NULL or slot == LEAF or value is None or not is_form(value):
        return handle_for(to, slot, value, cls)
    creator = <Node>to
    x = live(creator, index_of(creator, slot))
    if x is not None and not x.flags & HOLLOW:
        return x
    # In no slot, for nobody shall see it.
    x = variable(value, True, cls)
    x.generation = next_generation(creator.generation)
    Py_INCREF(creator)
    x.creator, x.slot = to, slot
    if is_tracked(to):
        track(<PyObject *>x)
    return x


cdef list outputs_of(Node f):
    cdef object assigned = note_of(f, "outputs")
    if assigned is not None:
        return assigned
    return [weak_reference(handle_in(f, slot)) for slot in range(f.n_slots)]


cdef object weak_reference(PyObject *handle):
    """To the handle, or a dead one."""
    return weakref.ref(new_handle() if handle == NULL else <Handle>handle)


cdef object form_of(Handle x):
    return <object>x.was if x.flags & HOLLOW and x.was != NULL else value_of(x)


cdef int note_form(Handle y) except -1:
    cdef Node f = <Node>y.creator
    cdef Edge *edge
    cdef int i
    if f.rule == NULL or f.flags & IN_PYTHON:
        return 0
    for i in range(f.n_edges):
        edge = &f.edges[i]
        if edge.flags & ALIKE and not edge.flags & (OWNS | SAVED_NUMBER):
            form = form_like(y)  # which may run the garbage collector
            edge = &f.edges[i]
            if i < f.n_edges and not edge.flags & OWNS and form is not None:
                Py_INCREF(form)
                edge.saved.array = <PyObject *>form
                edge.flags |= FORM
    return 0


cdef int note_name(Handle y) except -1:
    cdef Node f = <Node>y.creator
    cdef dict names = note_of(f, NAMES)
    if y.name != NULL and not has_references(y.name):
        if names is None:
            names = {}
            put_note(f, NAMES, names)
        names[y.slot] = <object>y.name
    elif names is not None:
        names.pop(y.slot, None)
    return 0


cdef int cut_history(Handle y) except -1:
    cdef Node f
    cdef Handle x
    cdef PyObject *to
    cdef int i
    cdef list stack = [] if y.creator == NULL else [<object>y.creator]
    while stack:
        f = stack.pop()
        for i in range(f.n_edges):
            if i >= f.n_edges or f.edges[i].to == NULL:
                continue
            # What leads to a node then leads to the Variable, which others may see too.
            x = handle_for(f.edges[i].to, f.edges[i].slot, operand_at(f, i, f), class_at(f))
            if i >= f.n_edges:
                break  # released by what ran meanwhile
            if f.edges[i].slot != LEAF:
                to = f.edges[i].to
                Py_INCREF(x)
                f.edges[i].to, f.edges[i].slot = <PyObject *>x, LEAF
                stack.append(take_object(to))
            if x.creator != NULL:
                stack.append(<object>x.creator)
                leave_place(x)
    return 0
