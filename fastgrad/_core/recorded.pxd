"""The walk of a backward whose gradients are objects of any kind: here Variables.

_batched has it carry many gradients at once, as arrays with a leading axis.
"""

from fastgrad._core.node cimport Handle, Node
from fastgrad._core.queue cimport PriorityQueue


cdef class Entry:
    # What is known of a node, or of a leaf, that a gradient has reached.
    cdef object owner
    cdef list gradients  # one for each output; of a leaf, one
    cdef int first  # of a node, the number of its first output then: see `index_of` in node.pxd


cdef class RecordedRun:
    cdef PriorityQueue queue  # of nodes, which `entries` own
    cdef dict entries  # Entry, by the address of its owner
    cdef dict wanted  # None: all leaves. Else the Variables to reach, by address; see `gradients`
    cdef set between  # None: all nodes. Else the addresses of those that lead to a wanted one
    cdef object ambient  # whether recording was on outside
    cdef bint retain_grad, create_graph
    cdef bint linear  # only what depends on the gradients at its start will be differentiated
    cdef list interior  # (Variable, its gradient)
    cdef object xp

    cdef Entry place(self, object to, int *slot)
    cdef Entry entry(self, object owner, int n)
    cdef int add(self, object to, int slot, object gx) except -1
    cdef int start(self, Handle y, object gy) except -1
    cdef int walk(self) except -1
    cdef int visit(self, Node f) except -1
    cdef int note(self, Handle y, object gy) except -1
    cdef int visit_operation(self, Node f, object gy) except -1
    cdef int visit_call(self, Node f, list gys) except -1
    cdef int visit_function(self, Node f, list gys) except -1
    cdef tuple by_row(self, Node f, list gys, tuple inputs)
    cdef bint leads_on(self, object to, int slot) except -1
    cdef object fitted(self, object gx, object like)
    cdef object result(self, Handle x)

cdef set between(list ys, dict wanted)
