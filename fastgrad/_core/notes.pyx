"""See notes.pxd."""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF

from fastgrad._core.collector cimport make_collectable
from fastgrad._core.node cimport HOOKED, Handle, Node
from fastgrad._core.objects cimport attributes

# A note is kept among the attributes, under a name that no attribute can have, or that is a
# property of the class: "outputs", the list of weak references that the program assigned; "inputs",
# those of an operation, which it was shown.

cdef str HOOKS = "hooks of gradients"
cdef set NOTES = {"outputs", "inputs", "names of outputs", "recorded in debug", HOOKS}


cdef object note_of(object x, str name):
    cdef PyObject *own = attributes(<PyObject *>x)[0]
    return None if own == NULL else (<dict>own).get(name)


cdef int put_note(object x, str name, object value) except -1:
    cdef PyObject **own = attributes(<PyObject *>x)
    cdef dict made = {}  # which may run the garbage collector
    if own[0] == NULL:
        Py_INCREF(made)
        own[0] = <PyObject *>made
    (<dict>own[0])[name] = value
    return 0


cdef object take_note(object x, str name):
    cdef PyObject *own = attributes(<PyObject *>x)[0]
    return None if own == NULL else (<dict>own).pop(name, None)


cpdef dict without_notes(dict members):
    return {name: value for name, value in members.items() if name not in NOTES}


# NOTE [Hooks]
# What has hooks is HOOKED, and they are a note of it: lists of Hooks in a dict, by the number of
# the output, or LEAF. Those of an interior Variable are its creator's, for the program may let go
# of the Variable. They go along when it is moved (NOTE [Moved]); a released node lets go of them.


@cython.binding(False)  # a method that is called with another self is an error, as in Python
@cython.final
cdef class Hook:
    """A hook on a gradient: see Variable.register_hook."""

    def remove(self):
        """It is not called any more, and let go of. No effect the second time."""
        self.function = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.function = None


cdef list hooks_of(object x, int slot):
    cdef dict notes = note_of(x, HOOKS)
    cdef Hook hook
    if notes is None or slot not in notes:
        return []
    cdef list left = [hook for hook in notes[slot] if hook.function is not None]
    if not left:
        notes.pop(slot, None)
    return left


cdef int put_hooks(object x, int slot, list hooks) except -1:
    cdef dict notes = note_of(x, HOOKS)
    if notes is None:
        notes = {}
        put_note(x, HOOKS, notes)
    notes[slot] = hooks_of(x, slot) + hooks
    make_collectable(x)  # a hook may refer to what it is a hook of
    if isinstance(x, Handle):
        (<Handle>x).flags |= HOOKED
    else:
        (<Node>x).flags |= HOOKED
    return 0


cdef int carry_hooks(object x, int slot, object to, int to_slot) except -1:
    cdef list hooks = hooks_of(x, slot)
    if hooks:
        put_hooks(to, to_slot, hooks)
        (<dict>note_of(x, HOOKS)).pop(slot)
    return 0
