"""See stand_ins.pxd."""

import copyreg
import weakref

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_XDECREF, Py_XINCREF

from fastgrad._core.collector cimport is_tracked, track
from fastgrad._core.graph cimport (
    as_recorded, not_walkable, referent, set_array, value_of,
)
from fastgrad._core.node cimport Handle, IN_PYTHON, Node, REQUIRES_GRAD, SAVED
from fastgrad._core.handles cimport new_handle_of
from fastgrad._core.objects cimport attributes
from fastgrad._core.view cimport outputs_of
from fastgrad._kernels.loops cimport import_numpy, is_exact, is_stand_in

import_numpy()

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(PyObject *x) noexcept


def slots_of(x):
    """What the `__slots__` of the class of `x` hold."""
    names = copyreg._slotnames(type(x))
    return {name: getattr(x, name) for name in names if hasattr(x, name)}


# NOTE [Stand-ins]
# The gradients of a Function are those of the data that its inputs had when it was called. Its
# `backward` reads them from `self.inputs`, whose Variables the program may have given other data
# since. So a Function keeps those data, and while the engine has `backward` run,
# `self.inputs` has in the place of such a Variable another one: with the data of then, of the same
# class, with the same attributes, and at the same place in the graph, so that what is recorded with
# it leads to the one that was passed. That one is not touched, for others may look at it meanwhile.
# All threads find the stand-ins, and each time the same: `backward` may use threads itself. The
# same holds for `self.outputs`: a Variable of a Function's keeps the data that it was made with.

cdef dict stand_ins = {}  # by address of the Function: by addresses of Variable and data


cdef Handle variable_at(Handle x, object array):
    cdef Handle y = new_handle_of(Py_TYPE(<PyObject *>x))
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
        from fastgrad._core.function import lead_from  # which is made of all this

        lead_from(y, x, array)
    if is_tracked(<PyObject *>x):
        track(<PyObject *>y)
    return y


cdef Handle stand_in_for(Node f, Handle x, object array):
    cdef dict made = {}
    if f.n_running > 0:
        made = stand_ins.setdefault(<size_t><PyObject *>f, made)
    key = (<size_t><PyObject *>x, <size_t><PyObject *>array)
    if key not in made:
        made[key] = variable_at(x, array)
    return made[key]


cdef int end_backward(Node f) except -1:
    f.n_running -= 1
    if f.n_running == 0 and stand_ins:
        stand_ins.pop(<size_t><PyObject *>f, None)
    return 0


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


cdef list recorded_outputs(Node f):
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


cdef object recorded_data(Node f):
    return data_at(f, 0) if f.n_edges == 1 else tuple([data_at(f, i) for i in range(f.n_edges)])


cdef inline object data_at(Node f, int i):
    return <object>f.edges[i].saved.array if f.edges[i].flags & SAVED else None


cdef object recorded_value(object xs, int i, int n):
    return xs if n == 1 or xs is None else (<tuple>xs)[i]
