"""See function_backward.pxd."""

import warnings

import numpy as np

from cpython.object cimport PyObject, PyTypeObject

from fastgrad._core.config import enter, leave
from fastgrad._core.stand_ins import slots_of

from fastgrad._core.graph cimport as_recorded, referent, value_of, variable
from fastgrad._core.node cimport Handle, Node, REQUIRES_GRAD, handle_in, index_of
from fastgrad._core.objects cimport attributes
from fastgrad._core.classes cimport class_among
from fastgrad._core.notes cimport note_of
from fastgrad._core.stand_ins cimport end_backward, recorded_value, variable_at
from fastgrad._kernels.loops cimport import_numpy, is_array

import_numpy()


cdef list by_output(Node f, list gys):
    """Order the gradients of the slots as the program assigned `outputs`."""
    cdef Handle y
    cdef list ordered = []
    cdef int i, slot
    cdef object references = note_of(f, "outputs")
    if references is None:
        return gys
    for i, reference in enumerate(<list>references):
        output = referent(reference)
        slot = i if i < min(f.n_slots, len(gys)) and handle_in(f, i) == NULL else -1
        if isinstance(output, Handle):
            y = output
            slot = index_of(f, y.slot)
            if y.creator != <PyObject *>f or slot >= len(gys):
                slot = -1
        ordered.append(None if slot < 0 else gys[slot])
    return ordered


cdef object call_backward(Node f, list gys, tuple inputs, object xs):
    cdef object gxs
    cdef PyTypeObject *cls
    gys = by_output(f, gys)
    f.n_running += 1
    try:
        if (<object>f).differentiable:
            cls = class_among(inputs)
            gys = [None if gy is None else variable(gy, False, cls) for gy in gys]
            before = enter(False)  # the Variables of `inputs` would have everything recorded
            try:
                gxs = (<object>f).backward(*gys)
            finally:
                leave(before)
        else:
            gxs = (<object>f).backward(gys[0]) if len(gys) == 1 else (<object>f).backward(*gys)
    finally:
        end_backward(f)
    return counted(f, gxs, inputs, xs)


cdef tuple call_recorded(Node f, list gys, tuple inputs, object xs):
    if not (<object>f).differentiable:
        raise RuntimeError(
            f"{type(f).__name__}: its backward computes with arrays, and cannot be differentiated "
            "itself; write it for Variables, and set differentiable = True on the class")
    gys = by_output(f, gys)
    gys = [guarded(gy) for gy in gys]
    arrays = [None if gy is None else value_of(gy) for gy in gys]
    warn_of_saved(f, inputs, xs)
    f.n_running += 1
    try:
        gxs = (<object>f).backward(*gys)
    finally:
        end_backward(f)
    for gy, array in zip(gys, arrays):
        if gy is not None and value_of(gy) is not array:
            raise RuntimeError(f"{type(f).__name__}: backward assigned the data of a gradient that "
                               "it was given, which no derivative knows of; make a new Variable")
    gxs = counted(f, gxs, inputs, xs)
    return (gxs,) if len(inputs) == 1 else gxs


cdef object guarded(Handle gy):
    """A Variable in the place of `gy`, which others hold too: into its array nobody can write."""
    if gy is None:
        return None
    array = value_of(gy).view()
    array.flags.writeable = False
    return variable_at(gy, array)


cdef object counted(Node f, object gxs, tuple inputs, object xs):
    """What `backward` returned, as call_backward promises it."""
    cdef int i, n = len(inputs), n_given = 1
    if isinstance(gxs, list):
        gxs = tuple(gxs)
    if isinstance(gxs, tuple):
        n_given = len(<tuple>gxs)
    if n_given != n:
        wrong = (f"{type(f).__name__}: backward returned {n_given} "
                 f"gradient{'' if n_given == 1 else 's'}, expected {n}")
        if n_given > n:
            raise ValueError(wrong)
        for i in range(n_given, n):
            if (<object>f).lifts is not None:  # as in DeZero
                continue
            if not may_be_left_out(inputs[i], recorded_value(xs, i, n)):
                raise ValueError(f"{wrong}: there is none for input {i}")
        gxs = (*(gxs if isinstance(gxs, tuple) else (gxs,)), *[None] * (n - n_given))
    return (<tuple>gxs)[0] if n == 1 and isinstance(gxs, tuple) else gxs


cdef bint may_be_left_out(Handle x, object data) except -1:
    """Whether it needs no gradient, or holds integers: labels."""
    return not x.flags & REQUIRES_GRAD or (data is not None and data.dtype.kind not in "fcO")


cdef int warn_of_saved(Node f, tuple inputs, object xs) except -1:
    """Its `backward` is about to be recorded: what it takes from `self` are constants there."""
    cdef int i, n = len(inputs)
    cdef PyObject *own = attributes(<PyObject *>f)[0]
    if getattr(f, "saves_values", False):  # which its `backward` reads at first order only
        return 0
    saved = slots_of(f)
    if own != NULL:
        saved.update(<dict>own)
    known = [(f"input {i}", f"self.inputs[{i}]", recorded_value(xs, i, n)) for i in range(n)
             if (<Handle>inputs[i]).flags & REQUIRES_GRAD]
    for i in range(f.n_slots):
        if handle_in(f, i) != NULL:
            known.append((f"output {i}", f"self.outputs[{i}]()",
                          as_recorded(<Handle>handle_in(f, i))))
    for name, value in saved.items():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            for what, instead, x in known:
                if is_of(part, x):
                    warnings.warn(
                        f"{type(f).__name__}: its attribute {name} holds the array of {what}, a "
                        "constant for the derivative of backward, which would lack a part; read "
                        f"{instead}, a Variable, in its place", stacklevel=2)
                    return 0
    return 0


cdef bint is_of(object part, object x) except -1:
    """Whether `part` is `x` or a view of it, or the number that is in it."""
    if x is None or x.dtype.kind not in "fcO":
        return False
    if isinstance(part, np.generic):
        return x.ndim == 0 and part.dtype == x.dtype and bool(part == x)
    return is_array(<PyObject *>part) and part.size > 0 and np.may_share_memory(part, x)
