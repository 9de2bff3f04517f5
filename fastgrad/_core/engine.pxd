"""Backward: the walk from Variables to the leaves, in the seed's order, by a run of any kind."""

from fastgrad._core.run cimport Run

cdef int walk(Run run) except -1
# The gradients of the Variables `xs`, which are what the run wants, from `gys` of the outputs `ys`;
# None of one that was not reached. Ends the run. `prune`: see `claim_ahead` in ends.pxd.
cdef list gradients_by(Run run, list ys, list gys, list xs, bint prune)
