"""See _config.pxd. These functions are what config.py is made of."""

from contextvars import ContextVar

from cpython.contextvars cimport get_value

# A value is kept with its truth, which is asked for once: an object's `bool` may be slow, or raise.
cdef tuple default = (True, True)
default_on = True
overridden = False

# (value, truth) inside a block, None outside: each thread, and each asyncio task, has its own.
cdef object current = ContextVar("fastgrad.enable_backprop", default=None)


cdef bint look_up() except -1:
    here = get_value(current)
    return default_on if here is None else (<tuple>here)[1]


def get():
    """The value that holds here."""
    here = get_value(current)
    return (default if here is None else here)[0]


def set(value):
    """Assign to what holds here: the innermost block, or the default of the process (True)."""
    global default, default_on
    new = value, bool(value)
    if get_value(current) is None:
        default = new
        default_on = new[1]
        return True
    current.set(new)
    return False


def enter(value):
    """Begin a block; return what `leave` needs at its end."""
    global overridden
    new = value, bool(value)
    before = get_value(current)
    current.set(new)
    overridden = True
    return before


def leave(before):
    """End the block that `enter` began."""
    current.set(before)
