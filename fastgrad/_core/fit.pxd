"""Bring a gradient to the shape and the dtype of its input: the one place that does."""

# All of it, for arrays: `gx` (an ndarray, a scalar, a Variable, or None) as the gradient for an
# input like the array `like`: an ndarray, a np.float64, or None. TypeError or ValueError for what
# is none. `named` is who made it, for the error: a name, a node of a Function, or a hook with its
# node or leaf and slot; see `checked`.
cdef object fit(object gx, object like, object named, int i, list gys)

# Its parts. Whether `gx` is a gradient for `like` as it is: nearly always.
cdef bint suits(object gx, object like) noexcept
# `gx`, if it is of a kind and a shape that can be brought to those of `like`. A Function's may have
# the shape of an output alone, so of one of the gradients `gys` that it got (None: any shape).
cdef object checked(object gx, object like, object named, int i, list gys)
# An ndarray, or a Variable by recorded operations, summed over the axes along which `like` was
# broadcast, and cast. None of `like`: 0-d float64. `n_leading`: axes before its own, which stay.
cdef object brought(object gx, object like, int n_leading)
