"""See config.pxd. These functions are what config.py is made of."""

from contextlib import ContextDecorator
from contextvars import ContextVar

cimport cython
from cpython.contextvars cimport get_value


@cython.trashcan(True)  # a chain of them, of blocks that were never left, has no end
cdef class Block:
    pass


cdef extern from *:
    """
    /* Python 3.11 and before may run the garbage collector, and it any code, in the middle of
       ContextVar.set, whose table that code then frees by setting one. (PyContext_CopyCurrent,
       which would hold the table, has the same fault.) So the collector waits. */
    #if PY_VERSION_HEX < 0x030C0000
    #define fg_pause_collector() PyGC_Disable()
    #else
    #define fg_pause_collector() 0
    #endif
    """
    bint pause_collector "fg_pause_collector"() noexcept  # whether it has to be resumed
    int resume_collector "PyGC_Enable"() noexcept


cdef object assign(object variable, object value):
    cdef bint paused = pause_collector()
    try:
        return variable.set(value)
    finally:
        if paused:
            resume_collector()


@cython.binding(False)  # a method that is called with another self is an error, as in Python
cdef class Switch:
    """A switch that each thread, and each asyncio task, may have in a state of its own."""

    def __cinit__(self, str name not None, bint on):
        # A value is kept with its truth, which is asked for once: a `bool` may be slow, or raise.
        self.default, self.default_on = (on, on), on
        self.current = ContextVar(name, default=None)

    cdef Block innermost(self):
        cdef Block block = get_value(self.current)
        while block is not None and block.left:
            block = block.before
        return block

    cdef bint look_up(self) except -1:
        cdef Block here = self.innermost()
        return self.default_on if here is None else here.on

    cdef int put(self, Block block, Block before) except -1:
        try:
            assign(self.current, block)
        except BaseException:  # without memory for the token it returns, it was set all the same
            block.left, block.before = True, before
            raise
        return 0

    def get(self):
        """The value that holds here."""
        cdef Block here = self.innermost()
        return self.default[0] if here is None else here.value

    def set(self, value):
        """Assign to what holds here: the innermost block, or the default of the process (True)."""
        touch(self)
        cdef Block here = self.innermost()
        if here is None:
            self.default = value, bool(value)
            self.default_on = self.default[1]
            return True
        cdef Block block = new_block(value, here.before)
        block.owner = here.owner
        self.put(block, here)
        return False

    def enter(self, value, owner=None):
        """Begin a block; return what `leave` needs at its end."""
        cdef Block before = self.innermost(), block = new_block(value, before)
        block.owner = owner
        self.overridden = True
        touch(self)
        self.put(block, before)
        return before

    def leave(self, Block before):
        """End the block that `enter` began: never an exception."""
        cdef Block here
        try:
            assign(self.current, before)
        except MemoryError:
            here = get_value(self.current)
            while here is not None and here is not before:
                here.left = True
                here = here.before

    cdef int end(self, object owner) except -1:
        """End the innermost block of an owner; nothing, if that was entered in another context."""
        cdef Block here = self.innermost(), block = here
        while block is not None and block.owner is not owner:
            block = block.before
        if block is None:
            return 0
        try:
            assign(self.current, here.before if block is here else without(here, block))
        except MemoryError:
            block.left = True
        return 0


cdef void touch(Switch switch) noexcept:
    global ever_kept
    ever_kept |= switch is keep_variables


cdef Block new_block(value, Block before):
    cdef Block block = Block()
    block.value, block.on, block.before = value, bool(value), before
    return block


cdef Block without(Block here, Block block):
    """The blocks from `here` on but one, which ends before those that began after it.

    (Other contexts may have the same blocks: they stay as they are.)
    """
    cdef Block copy, before = block.before
    cdef list later = []
    while here is not block:
        later.append(here)
        here = here.before
    for here in reversed(later):
        copy = Block()
        copy.value, copy.on, copy.owner, copy.before = here.value, here.on, here.owner, before
        before = copy
    return before


class Switched(ContextDecorator):
    """`using_config(name, value)` of a switch: compiled, so that no Ctrl-C comes in between.

    What was entered is known by the Blocks, not here: threads may share one of these.
    """

    def __init__(self, switch, value):
        self.switch, self.value = switch, value

    def _recreate_cm(self):  # for each call of what it decorates
        return Switched(self.switch, self.value)

    def __enter__(self):
        (<Switch?>self.switch).enter(self.value, self)

    def __exit__(self, exc_type, exc, traceback):
        (<Switch?>self.switch).end(self)


enable_backprop = Switch("fastgrad.enable_backprop", True)
keep_variables = Switch("fastgrad.keep_variables", False)
switches = {"enable_backprop": enable_backprop, "keep_variables": keep_variables}
get, enter, leave = enable_backprop.get, enable_backprop.enter, enable_backprop.leave
