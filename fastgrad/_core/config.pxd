"""The switches of `Config` that hold per thread, as compiled code reads them."""


cdef class Block:  # what holds inside a block, or was assigned there
    cdef object value
    cdef bint on  # its truth
    cdef Block before
    cdef object owner  # the Switched that began it
    cdef bint left  # it ended, but there was no memory to say so in its place


cdef class Switch:
    cdef object current  # ContextVar: inside a block a Block, outside None
    cdef tuple default  # (value, its truth)
    cdef bint default_on  # what holds where no `using_config` block does
    cdef bint overridden  # whether there ever was such a block: until then nobody looks further

    cdef Block innermost(self)
    cdef bint look_up(self) except -1
    cdef int put(self, Block block, Block before) except -1
    cdef int end(self, object owner) except -1


cdef Switch enable_backprop, keep_variables
cdef bint ever_kept  # whether the latter was ever touched: until then nobody looks further
cdef void touch(Switch switch) noexcept  # note that it is used

cdef inline bint is_on(Switch switch) except -1:
    return switch.look_up() if switch.overridden else switch.default_on

cdef inline bint recording() except -1:  # whether operations are recorded
    return is_on(enable_backprop)

cdef object assign(object variable, object value)  # `variable.set(value)`, of a ContextVar
