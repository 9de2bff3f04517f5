"""In which precision a VJP reads the values beside its gradient.

A gradient is of real or complex numbers (see `gradient_dtype` in _accumulate). What a VJP reads
beside it, it reads in the gradient's precision: as floating numbers where there were integers,
which would wrap around or be divided as integers, and none narrower than the gradient, for a
formula would be rounded, or overflow, in the precision of its narrowest part. Rows and compiled
operations call this, for arrays and for Variables; no rule casts what it reads.
"""

# `x` (an array, a number, a Variable: then recorded) as a VJP reads it beside the gradient `gy`,
# of one output or a tuple of them. What is no number, and what has no memory, stays as it is.
cdef object as_read(object x, object gy)
