"""See start.pxd."""

import numpy as np

from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport Gradient, NONE, boxed, forget, ones_gradient, put, shown
from fastgrad._core.fit cimport brought
from fastgrad._core.graph cimport array_of, as_recorded, shown_by, value_of
from fastgrad._core.hooks cimport hook_leaf
from fastgrad._core.node cimport HOOKED, Handle, LEAF
from fastgrad._core.run cimport deposit, note
from fastgrad._kernels.loops cimport import_numpy, is_double

import_numpy()


cdef int start(Run run, Handle y) except -1:
    cdef Gradient gy
    gy.state = NONE
    put(&gy, run.lifted(starting_gradient(run, y)))
    try:
        if y.creator == NULL:
            if run.directly:
                gx = shown(&gy) if y.grad == NULL else as_shown(y)
            else:
                gx = run.visible(y, boxed(&gy), 2)
            if y.flags & HOOKED:
                gx = hook_leaf(run, y, gx)
            run.interior.append((y, gx))
        else:
            deposit(run, <object>y.creator, y.slot, boxed(&gy))
            note(run, y, &gy)
    finally:
        forget(&gy)
    return 0


cdef int start_from(Run run, Handle y, object gy) except -1:
    if y.creator == NULL:
        return deposit(run, y, LEAF, gy)
    return deposit(run, <object>y.creator, y.slot, gy)


cdef object one = np.float64(1)


cdef object starting_gradient(Run run, Handle y):
    cdef object x = as_recorded(y)
    if y.grad == NULL:
        return ones_for(x)
    gy = shown_by(y)
    if isinstance(gy, Handle):
        if value_of(gy) is None:
            raise TypeError("backward: the grad to start from is a Variable without data (None)")
        if run.directly:
            from fastgrad.conversions import leaves_graph  # which is made of all the rest

            leaves_graph(gy, "backward from a grad that is a Variable")
            gy = value_of(gy)
    return from_given(gy, x)


cdef object as_shown(Handle y):
    """The grad of a leaf that a run of arrays began with: for hooks an array."""
    return array_of(shown_by(y)) if y.flags & HOOKED else shown_by(y)


cdef object ones_for(object x):
    return one if is_double(<PyObject *>x) else ones_gradient(x)


cdef object from_given(object gy, object x):
    if gy.shape != x.shape:
        try:
            gy = np.broadcast_to(gy, x.shape).copy()
        except ValueError:
            raise ValueError(f"backward: the gradient to start from has shape {gy.shape}, "
                             f"expected {x.shape}") from None
    return brought(gy, x, 0)
