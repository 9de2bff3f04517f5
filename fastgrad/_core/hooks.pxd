"""Hooks on gradients, as a run calls them. See NOTE [Hooks] in notes.pyx."""

from fastgrad._core.node cimport Handle, Node
from fastgrad._core.run cimport Run


cdef class Undecided(Exception):  # a run with an origin met a hook: see `engine.gradients`
    pass

cdef int hook_outputs(Run run, Node f) except -1  # which is about to be visited
cdef int hook_leaves(Run run) except -1  # the walk is over
cdef object hook_leaf(Run run, Handle y, object gx)  # which is all of its gradient
