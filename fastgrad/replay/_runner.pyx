# cython: binding=False
"""A call of a replayed function: its guards, its arguments, the schedule, its results.

`Caller` is what a program calls. Where the arguments are arrays, one after the other, and all is as
it was, a Runner does the rest; else it is for step.py, which knows all cases.
"""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_REFCNT
from libc.stdlib cimport calloc, free

import numpy as np

from fastgrad._core import watch
from fastgrad._core.watch cimport watched
from fastgrad._kernels.loops cimport (
    as_number, data, dims, import_numpy, intp, is_array, is_double_scalar, is_exact, is_exclusive,
    ndim, strides,
)
from fastgrad.replay._executor cimport Schedule
from fastgrad.replay._names cimport Held

import_numpy()

cdef extern from *:
    """
    static inline PyObject *fg_descr_of(PyObject *x) { return (PyObject *)fg_descr(x); }
    static inline int fg_aligned(PyObject *x) { return fg_behaved(x); }
    static inline PyObject *fg_new(PyObject *descr, int ndim, npy_intp *dims, int fortran) {
        Py_INCREF(descr);  /* stolen */
        return PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)descr, ndim, dims, NULL, NULL,
                                    fortran ? NPY_ARRAY_F_CONTIGUOUS : 0, NULL);
    }
    static inline int fg_has_weak(PyObject *x) {
        return ((PyArrayObject_fields *)x)->weakreflist != NULL;
    }
    static inline PyObject *fg_double_scalar(double x) {
        PyObject *y = PyArrayScalar_New(Double);
        if (y != NULL) PyArrayScalar_ASSIGN(y, Double, x);
        return y;
    }
    """
    PyObject *descr_of "fg_descr_of"(PyObject *x) noexcept
    bint is_aligned "fg_aligned"(PyObject *x) noexcept
    object new_array "fg_new"(PyObject *descr, int ndim, intp *dims, bint fortran)
    bint has_weak "fg_has_weak"(PyObject *x) noexcept
    object double_scalar "fg_double_scalar"(double x)

cdef enum:
    MOST_AXES = 8

cdef struct Form:
    Py_ssize_t slot
    Py_ssize_t place  # of the argument, or of what was captured
    bint is_scalar  # an np.float64
    bint is_cell
    bint fortran  # of a new array
    PyObject *descr  # borrowed from `kept`
    int n_dims
    intp dims[MOST_AXES]
    intp strides[MOST_AXES]

cdef struct Part:
    Py_ssize_t slot, base
    intp offset


cdef bint fits(const Form *form, PyObject *x) noexcept:
    """Whether an object is an array of that form."""
    cdef int i
    if not is_exact(x) or ndim(x) != form.n_dims or descr_of(x) != form.descr:
        return False
    for i in range(form.n_dims):
        if dims(x)[i] != form.dims[i] or strides(x)[i] != form.strides[i]:
            return False
    return is_aligned(x)


class NotFlat(Exception):
    """What a program needs that no Runner does."""


@cython.final
cdef class Runner:
    """A program whose arguments and results are arrays and numbers, one after the other."""

    cdef Schedule schedule
    cdef object program
    cdef Form *given
    cdef Form *captured
    cdef Form *fresh
    cdef Part *parts
    cdef int n_given, n_captured, n_fresh, n_parts
    cdef list kept, sources, results, made
    cdef Held names
    cdef object structure
    cdef bint single, in_python
    cdef readonly Py_ssize_t n_calls  # since it was asked last
    cdef Py_ssize_t left

    def __cinit__(self, program, list given, list captured, list fresh, list parts, list results,
                  bint single, object structure, Held names):
        cdef int i
        self.program, self.schedule = program, program.schedule
        self.kept, self.names, self.results, self.single = [], names, results, single
        self.structure = structure
        self.given = <Form *>calloc(len(given) + 1, sizeof(Form))
        self.captured = <Form *>calloc(len(captured) + 1, sizeof(Form))
        self.fresh = <Form *>calloc(len(fresh) + 1, sizeof(Form))
        self.parts = <Part *>calloc(len(parts) + 1, sizeof(Part))
        if not self.given or not self.captured or not self.fresh or not self.parts:
            raise MemoryError
        for i in range(len(given)):
            self.put(&self.given[i], given[i])
        for i in range(len(captured)):
            self.put(&self.captured[i], captured[i][:4])
        for i in range(len(fresh)):
            self.put(&self.fresh[i], fresh[i])
            shape, dtype, steps = fresh[i][2]
            if np.empty(shape, dtype).strides != steps:
                self.fresh[i].fortran = True
                if np.empty(shape, dtype, "F").strides != steps:
                    raise NotFlat
        for i in range(len(parts)):
            self.parts[i].slot, self.parts[i].base, self.parts[i].offset = parts[i]
        self.sources = [x[4] for x in captured]
        self.made = [None] * len(fresh)
        self.n_given, self.n_captured = len(given), len(captured)
        self.n_fresh, self.n_parts = len(fresh), len(parts)
        self.in_python = self.schedule.in_python

    cdef int put(self, Form *form, tuple given) except -1:
        cdef int i
        slot, place, (shape, dtype, steps), is_scalar = given
        if len(shape) > MOST_AXES:
            raise NotFlat
        self.kept.append(dtype)
        form.slot, form.place, form.is_scalar = slot, place, is_scalar
        form.is_cell = self.schedule.is_cell[slot]
        form.descr, form.n_dims = <PyObject *>dtype, len(shape)
        for i in range(form.n_dims):
            form.dims[i], form.strides[i] = shape[i], steps[i]
        return 0

    def __dealloc__(self):
        free(self.given)
        free(self.captured)
        free(self.fresh)
        free(self.parts)

    def let(self, Py_ssize_t left):
        """Let so many calls run from now on; return how many have run since."""
        n, self.n_calls, self.left = self.n_calls, 0, left
        return n

    cdef object call(self, tuple args):
        """The results, or NotImplemented, for step.py to find out why."""
        cdef int i, up
        cdef PyObject *x
        cdef const Form *form
        cdef double number
        cdef Schedule schedule = self.schedule
        if schedule.busy or self.left == 0 or len(args) != self.n_given:
            return NotImplemented
        for i in range(self.n_given):
            form = &self.given[i]
            x = <PyObject *>args[i]
            if form.is_scalar:
                if not is_double_scalar(x):
                    return NotImplemented
            elif not fits(form, x):
                return NotImplemented
        if not self.names.hold():
            return NotImplemented
        schedule.busy = True
        try:
            for i in range(self.n_given):
                form = &self.given[i]
                x = <PyObject *>args[i]
                if form.is_cell:
                    as_number(x, &number)
                    schedule.cells[form.slot] = number
                else:
                    schedule.at[form.slot] = data(x)
                    schedule.arrays[form.slot] = <object>x
            if not self.take_captured():
                return NotImplemented
            self.make_fresh()
            for i in range(self.n_parts):
                schedule.at[self.parts[i].slot] = (
                    schedule.at[self.parts[i].base] + self.parts[i].offset)
            if self.in_python:
                if not self.program.run_in_python():
                    return NotImplemented
            else:
                up = schedule.run()
                if up and self.program.is_reported(up):
                    return NotImplemented
            if self.program.guards and not self.program.guards_hold():
                return NotImplemented
            made = self.returned()
            if self.left > 0:
                self.left -= 1
            self.n_calls += 1
            return made
        finally:
            for i in range(self.n_given):
                if not self.given[i].is_cell:
                    schedule.arrays[self.given[i].slot] = None
            schedule.busy = False

    cdef bint take_captured(self) except -1:
        cdef int i
        cdef PyObject *x
        for i in range(self.n_captured):
            source = self.sources[i]
            if not isinstance(source, np.ndarray):
                source = watch.data_of(source)
            x = <PyObject *>source
            if not is_array(x) or not fits(&self.captured[i], x):
                return False
            self.schedule.put_array(self.captured[i].slot, source)
        return True

    cdef int make_fresh(self) except -1:
        """New arrays for results; those of before, where nobody else has them."""
        cdef int i
        cdef PyObject *x
        for i in range(self.n_fresh):
            array = self.made[i]
            self.made[i] = None
            x = <PyObject *>array
            self.schedule.arrays[self.fresh[i].slot] = None
            if (array is None or Py_REFCNT(array) != 1 or has_weak(x) or not is_exclusive(x)
                    or not fits(&self.fresh[i], x)):
                array = new_array(self.fresh[i].descr, self.fresh[i].n_dims, self.fresh[i].dims,
                                  self.fresh[i].fortran)
                x = <PyObject *>array
            self.schedule.at[self.fresh[i].slot] = data(x)
            self.schedule.arrays[self.fresh[i].slot] = array
        return 0

    cdef object returned(self):
        cdef int i
        cdef Schedule schedule = self.schedule
        cdef list made = []
        for kind, i, x in self.results:
            if kind == 0:  # of a cell
                made.append(double_scalar(schedule.cells[i]))
            elif kind == 1:  # fresh: the first place that returns it
                array = schedule.arrays[self.fresh[i].slot]
                self.made[i] = array
                schedule.arrays[self.fresh[i].slot] = None
                made.append(array)
            elif kind == 2:  # a copy
                array = schedule.arrays[i]
                made.append(np.array(array) if x or array.ndim else array[()])
            elif kind == 3:  # again what is fresh
                made.append(np.array(self.made[i]))
            else:
                made.append(x)
        if self.structure is not None:
            return self.program.rebuilt(made)
        return made[0] if self.single else tuple(made)


cdef class Caller:
    """What a program calls: `called(args, kwargs)` of a subclass, or a Runner if it can."""

    cdef public Runner runner

    def __call__(self, *args, **kwargs):
        if self.runner is not None and not watched and not kwargs:
            made = self.runner.call(args)
            if made is not NotImplemented:
                return made
        return self.called(args, kwargs)
