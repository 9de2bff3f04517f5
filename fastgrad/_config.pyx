"""See _config.pxd. These functions are what config.py is made of."""

from contextlib import ContextDecorator
from contextvars import ContextVar

from cpython.contextvars cimport get_value

# A value is kept with its truth, which is asked for once: an object's `bool` may be slow, or raise.
cdef tuple default = (True, True)
default_on = True
overridden = False

cdef class Block:
    """What holds inside a block, or was assigned there."""

    cdef object value
    cdef bint on  # its truth
    cdef Block before
    cdef bint left  # it ended, but there was no memory to say so in its place


# Inside a block a Block, outside None: each thread, and each asyncio task, has its own.
cdef object current = ContextVar("fastgrad.enable_backprop", default=None)


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
        current.set(block)
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
    put(new_block(value, here.before), here)
    return False


def enter(value):
    """Begin a block; return what `leave` needs at its end."""
    global overridden
    cdef Block before = innermost()
    overridden = True
    put(new_block(value, before), before)
    return before


class Switched(ContextDecorator):
    """`using_config("enable_backprop", value)`: compiled, so that no Ctrl-C comes in between."""

    def __init__(self, value):
        self.value, self.entered = value, None

    def _recreate_cm(self):  # for each call of what it decorates
        return Switched(self.value)

    def __enter__(self):
        before = enter(self.value)
        try:
            self.entered = before, self.entered
        except BaseException:
            leave(before)
            raise

    def __exit__(self, exc_type, exc, traceback):
        before, self.entered = self.entered  # which takes no memory, as a list's pop may
        leave(before)


def leave(before):
    """End the block that `enter` began: never an exception."""
    cdef Block here
    try:
        current.set(before)
    except MemoryError:
        here = get_value(current)
        while here is not None and here is not before:
            here.left = True
            here = here.before
