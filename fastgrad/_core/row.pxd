"""A differentiable function as a row: its name, its forward, what is saved, a VJP per operand.

A call of a row makes a node like any other, which keeps a Call besides its edges.
"""

from fastgrad._core.node cimport Edge, FastCall, Handle, Node, Rule

cdef enum:  # what the VJPs of a row read the elements of
    NOTHING = 0
    INPUTS = 1
    OUTPUT = 2
    OTHERS = 4  # for the gradient of an operand, of the other operands only: a product


cdef class Row:
    cdef readonly str name
    cdef readonly object forward
    cdef readonly object vjp  # a tuple of one VJP per operand; of a sequence, one for all of them
    cdef readonly object jvp  # the same of JVPs, or None
    cdef readonly object batched  # the same of VJPs for gradients with a leading axis, or None
    cdef readonly int saves
    cdef readonly bint sequence  # the operands are the elements of the first argument
    cdef public bint none_for_absent  # its VJPs take None for the gradient that an output lacks
    # What answers where another argument than an operand is, or holds, a Variable: another row that
    # is differentiated for that one too, or None.
    cdef public object otherwise
    cdef bint is_ufunc
    cdef readonly bint ours  # its VJPs, which fastgrad wrote, do not write into gradients
    cdef const Rule *rule  # compiled, for calls with plain operands; NULL
    cdef FastCall fast_call  # or NULL
    cdef readonly object compiled  # the class of that rule, or None
    cdef type _function
    cdef int out_place  # 0: not looked up yet
    cdef public bint narrow  # its VJPs read float16 as such
    cdef public tuple steps  # the outputs that, where they are of integers, change in steps alone
    cdef dict __dict__
    cdef object __weakref__

    cdef object call(self, tuple args, dict kwargs)
    cdef object result(self, tuple args, dict kwargs, object out, int place, object natural)
    cdef object computed(self, tuple args, dict kwargs, object out, int place)
    cdef tuple without_out(self, tuple args, dict kwargs)
    cdef bint any_beside(self, tuple args, dict kwargs) except -1
    cdef int refuse_lost(self, object operands, int n) except -1
    cdef int place_of_out(self) except -1
    cdef int n_operands(self) except -1
    cdef tuple bound(self, tuple args, dict kwargs)
    cdef object differentiate(self, int i, object xp, object gy, Call call)
    cdef object batch(self, int i, object xp, object gys, Call call)
    cdef tuple arguments_for(self, object xp, int i, object g, Call call)
    cdef object read(self, int i, object x, object gy)
    cdef bint has_jvp(self, int i) except -1
    cdef object push(self, int i, object xp, object dx, Call call)


cdef class Call:
    cdef Row row
    cdef tuple args  # as `forward` got them; a stand-in where nobody will read the elements
    cdef dict kwargs  # or None
    cdef object y  # the output, or a tuple of them; stand-ins

    cdef object operand(self, int i)


cdef void save(Edge *edge, object x) noexcept  # the operand, or what stands for it; not None

# For backward, of a node that holds a Call.
cdef inline Call call_of(Node f):
    return <Call>f.kept
