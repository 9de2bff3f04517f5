"""See debug.pxd."""

import sys
from contextvars import ContextVar

import numpy as np

from cpython.contextvars cimport get_value
from cpython.object cimport PyObject

from fastgrad._core.config cimport assign
from fastgrad._core.graph cimport value_of
from fastgrad._kernels.loops cimport import_numpy, is_exact, is_stand_in
from fastgrad._core.node cimport Handle, IN_PYTHON, OF_ROW, OWNS, handle_in
from fastgrad._core.objects cimport attributes
from fastgrad._core.notes cimport note_of, put_note, take_note, without_notes

from gc import get_referents

import_numpy()

armed = False
cdef object current = ContextVar("fastgrad.debug", default=False)

cdef str KEY = "recorded in debug"  # see notes.note_of


def enter(on):
    """Begin a block in which arrays are noted; return what `leave` needs."""
    global armed
    armed = True
    before = get_value(current)
    assign(current, bool(on))
    return before


def leave(before):
    """End that block, in whatever context."""
    assign(current, before)


cdef int note(Node f) except -1:
    if f.flags & CHECKED:  # it was recorded before
        f.flags &= ~CHECKED
        take_note(f, KEY)
    if not get_value(current):
        return 0
    cdef list noted = [(what, x, digest(x)) for what, x in saved_by(f)]
    if noted:
        put_note(f, KEY, (noted, place()))
        f.flags |= CHECKED
    return 0


cdef int check(Node f) except -1:
    noted, where = note_of(f, KEY) or ((), None)
    for what, x, before in noted:
        if digest(x) != before:
            raise RuntimeError(
                f"{type(f).__name__}: {what}, an array of shape {x.shape} and dtype {x.dtype}, was "
                f"changed in place after it was recorded ({where}) and before the backward "
                f"({place()}) that needs it; write x.data = new values, instead of into the array"
            )
    return 0


cdef list saved_by(Node f):
    """(what it is, array) of all that the backward of `f` may read."""
    cdef list found = []
    cdef set seen = set()
    cdef int i
    cdef Handle x
    if f.flags & IN_PYTHON:
        for i, x in enumerate(<tuple>f.kept):
            collect(f"input {i}", value_of(x), found, seen)
        for i in range(f.n_slots):
            if handle_in(f, i) != NULL:
                collect(f"output {i}", value_of(<Handle>handle_in(f, i)), found, seen)
        if attributes(<PyObject *>f)[0] != NULL:
            for name, value in without_notes(<dict>attributes(<PyObject *>f)[0]).items():
                collect(f"its attribute {name}", value, found, seen)
        return found
    for i in range(f.n_edges):
        if f.edges[i].flags & OWNS:
            what = f"operand {i}" if f.rule == NULL or i < f.rule.n_inputs else "its output"
            collect(what, <object>f.edges[i].saved.array, found, seen)
    if f.flags & OF_ROW:
        for part in get_referents(<object>f.kept):
            if isinstance(part, (tuple, dict, np.ndarray)):
                collect("an operand or the output", part, found, seen)
    elif f.kept != NULL:
        collect("its index or condition", <object>f.kept, found, seen)
    return found


cdef int collect(str what, object x, list found, set seen) except -1:
    """The arrays in `x`, but for those that only stand for a shape and a dtype."""
    cdef list stack = [x]
    while stack:
        x = stack.pop()
        if isinstance(x, np.ndarray):
            if id(x) in seen:
                continue
            seen.add(id(x))
            if not is_exact(<PyObject *>x) or not is_stand_in(<PyObject *>x):
                found.append((what, x))
        elif isinstance(x, (tuple, list, dict)) and id(x) not in seen:
            seen.add(id(x))
            stack.extend(x.values() if isinstance(x, dict) else x)
    return 0


cdef object digest(object x):
    """Of the bytes; of what is seen again and again along an axis, once."""
    x = np.asarray(x)
    if 0 in x.strides:
        x = x[tuple([slice(None) if step else slice(1) for step in x.strides])]
    return hash(x.tobytes())


cdef str place():
    """The file and the line of the program where this happens."""
    frame = sys._getframe(0)
    while frame is not None:
        if not (frame.f_globals.get("__name__") or "").startswith("fastgrad."):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "nowhere in Python"
