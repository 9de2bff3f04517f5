"""The end of a run: what Variables show of it, what it answers, and that it lets go of all else."""

from fastgrad._core.node cimport Handle
from fastgrad._core.run cimport Run

cdef int show(Run run) except -1  # writes each `.grad`, at once
cdef object result(Run run, Handle x)  # the gradient of a wanted Variable; None: none reached it
cdef int end(Run run) except -1  # whether it is complete or not
