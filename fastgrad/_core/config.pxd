"""Whether operations are recorded: `Config.enable_backprop` as compiled code reads it."""

cdef bint default_on  # what holds where no `using_config` block does
cdef bint overridden  # whether there ever was such a block: until then nobody looks further

cdef bint look_up() except -1

cdef inline bint recording() except -1:
    return look_up() if overridden else default_on

cdef object assign(object variable, object value)  # `variable.set(value)`, of a ContextVar
