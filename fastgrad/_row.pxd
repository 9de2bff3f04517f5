"""A differentiable function as a row: its name, its forward, what is saved, a VJP per operand.

A call of a row makes a node like any other. What the node keeps for backward is a Call, which it
holds as what its first edge saved; so a node is freed, spent and walked by the garbage collector
without knowing of rows.
"""

from cpython.object cimport PyObject

from fastgrad._function cimport Function
from fastgrad._node cimport FastCall, Handle, Node, Rule

cdef enum:  # what the VJPs of a row read the elements of
    NOTHING = 0
    INPUTS = 1
    OUTPUT = 2
    OTHERS = 4  # for the gradient of an operand, of the other operands only: a product

cdef struct Target:
    PyObject *to  # owned: a Node or, LEAF, a Handle; NULL: needs no gradient
    int slot


cdef class Row:
    cdef readonly str name
    cdef readonly object forward
    cdef readonly object vjp  # a tuple of one VJP per operand; of a sequence, one for all of them
    cdef readonly int saves
    cdef readonly bint sequence  # the operands are the elements of the first argument
    cdef bint is_ufunc
    cdef const Rule *rule  # compiled, for calls with plain operands; NULL
    cdef FastCall fast_call  # or NULL
    cdef readonly object compiled  # the class of that rule, or None
    cdef type _function
    cdef int out_place  # 0: not looked up yet
    cdef dict __dict__
    cdef object __weakref__

    cdef object call(self, tuple args, dict kwargs)
    cdef object written(self, tuple args, dict kwargs, object out)
    cdef int place_of_out(self) except -1
    cdef int n_operands(self) except -1
    cdef tuple bound(self, tuple args, dict kwargs)
    cdef object differentiate(self, int i, object xp, object gy, Call call)


cdef class Call:
    cdef Row row
    cdef tuple args  # as `forward` got them; a stand-in where nobody will read the elements
    cdef dict kwargs  # or None
    cdef object y  # the output, or a tuple of them; stand-ins
    cdef int n_targets
    cdef Target *targets  # &own[0], or an array of its own
    cdef Target own[2]

    cdef object operand(self, int i)


# For backward, of a node that holds a Call.
cdef inline Call call_of(Node f):
    return <Call>f.edges[0].saved.array

# The gradient for operand `i`: an ndarray of its shape and dtype, or None; or an exception.
cdef object gradient_of_call(Call call, int i, object gy)
