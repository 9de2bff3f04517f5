"""See config.pxd. These functions are what config.py is made of."""

from contextlib import ContextDecorator
from contextvars import ContextVar

cimport cython
from cpython.contextvars cimport get_value

# A value is kept with its truth, which is asked for once: an object's `bool` may be slow, or raise.
cdef tuple default = (True, True)
default_on = True
overridden = False


@cython.trashcan(True)  # a chain of them, of blocks that were never left, has no end
cdef class Block:
    """What holds inside a block, or was assigned there."""

    cdef object value
    cdef bint on  # its truth
    cdef Block before
    cdef object owner  # the Switched that began it
    cdef bint left  # it ended, but there was no memory to say so in its place


# Inside a block a Block, outside None: each thread, and each asyncio task, has its own.
cdef object current = ContextVar("fastgrad.enable_backprop", default=None)


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


cdef inline Block innermost():
    cdef Block block = get_value(current)
    while block is not None and block.left:
        block = block.before
    return block


cdef Block new_block(value, Block before):
    cdef Block block = Block()
    block.value, block.on, block.before = value, bool(value), before
    return block


cdef int put(Block block, Block before) except -1:
    try:
        assign(current, block)
    except BaseException:  # without memory for the token it returns, it was set all the same
        block.left, block.before = True, before
        raise
    return 0


cdef bint look_up() except -1:
    cdef Block here = innermost()
    return default_on if here is None else here.on


def get():
    """The value that holds here."""
    cdef Block here = innermost()
    return default[0] if here is None else here.value


def set(value):
    """Assign to what holds here: the innermost block, or the default of the process (True)."""
    global default, default_on
    cdef Block here = innermost()
    if here is None:
        default = value, bool(value)
        default_on = default[1]
        return True
    cdef Block block = new_block(value, here.before)
    block.owner = here.owner
    put(block, here)
    return False


def enter(value):
    """Begin a block; return what `leave` needs at its end."""
    global overridden
    cdef Block before = innermost()
    overridden = True
    put(new_block(value, before), before)
    return before


class Switched(ContextDecorator):
    """`using_config("enable_backprop", value)`: compiled, so that no Ctrl-C comes in between.

    What was entered is known by the Blocks, not here: threads may share one of these.
    """

    def __init__(self, value):
        self.value = value

    def _recreate_cm(self):  # for each call of what it decorates
        return Switched(self.value)

    def __enter__(self):
        global overridden
        cdef Block before = innermost(), block = new_block(self.value, before)
        block.owner = self
        overridden = True
        put(block, before)

    def __exit__(self, exc_type, exc, traceback):
        cdef Block here = innermost(), block = here
        while block is not None and block.owner is not self:
            block = block.before
        if block is None:  # entered in another context
            return
        try:
            assign(current, here.before if block is here else without(here, block))
        except MemoryError:
            block.left = True


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


def leave(before):
    """End the block that `enter` began: never an exception."""
    cdef Block here
    try:
        assign(current, before)
    except MemoryError:
        here = get_value(current)
        while here is not None and here is not before:
            here.left = True
            here = here.before
