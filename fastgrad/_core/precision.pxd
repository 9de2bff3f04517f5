"""In which precision a VJP reads the values beside its gradient.

A gradient is of real or complex numbers (see `gradient_dtype` in accumulate.pyx). What a VJP reads
beside it, it reads in the gradient's precision: as floating numbers where there were integers,
which would wrap around or be divided as integers, and none narrower than the gradient, for a
formula would be rounded, or overflow, in the precision of its narrowest part. In float16 nothing is
computed but what comes out: formulas leave its range where their results do not. Rows and compiled
operations call this, for arrays and for Variables; no rule casts what it reads.
"""

from cpython.object cimport PyObject

from fastgrad._kernels.loops cimport LAST_INTEGER, is_array, type_num

# The gradient of an output, or a tuple of those of many, as a VJP gets it: of float16 as float32.
cdef object widened(object gy)

# `x` (an array, a number, a Variable: then recorded) as a VJP reads it beside the gradient `gy`,
# which was widened, of one output or of many. What is no number, and what has no memory, stays as
# it is.
cdef inline object as_read(object x, object gy):
    if is_array(<PyObject *>x) and is_array(<PyObject *>gy):
        if type_num(<PyObject *>x) == type_num(<PyObject *>gy) > LAST_INTEGER:
            return x  # nearly always
    return read_in_precision(x, gy)

cdef object read_in_precision(object x, object gy)
