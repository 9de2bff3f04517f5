"""Who is told of each call, as it is made: the log of `fastgrad.replay`.

While nobody watches, it costs one comparison a call. A watcher belongs to a thread. What it is told
of, replay/log.py says; nothing here knows what it makes of it.
"""

from cpython.object cimport PyObject

cdef bint watched  # whether anybody watches, in whatever thread

cdef object watcher()  # that of this thread, or None
# What a rule reads of a saved operand that needed no gradient: as the watcher of this thread knows
# it, a Variable; else `x` itself.
cdef object restored(object x)
