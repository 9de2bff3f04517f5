"""See arguments.pxd."""

import inspect

import numpy as np

from cpython.object cimport PyObject

from fastgrad._core.collector cimport has_references
from fastgrad._core.graph cimport array_of, enter_call, leave_call, value_of, variable
from fastgrad._core.node cimport Handle, REQUIRES_GRAD
from fastgrad._kernels.loops cimport (
    holds_integers, import_numpy, is_array, is_exact, native, stand_in, take_object,
)

import_numpy()

# --- Variables among them ---

# What makes a Variable of a list or a tuple that holds Variables, and leaves all else as it is:
# functions/joining.py sets it.
cdef object assembled = None


def set_assembled(function):
    """Let `function` make one operand of a list that holds Variables."""
    global assembled
    assembled = function


cpdef object operand_of(object x):
    """A Variable, also of a list or a tuple that holds some, or else the array that NumPy reads."""
    if isinstance(x, Handle):
        return x
    return assembled(x) if any_variable((x,)) else np.asanyarray(x)


cdef bint any_variable(object xs) except -1:
    """Whether one is a Variable, or a list or a tuple that holds one."""
    cdef object x
    for x in xs:
        if isinstance(x, Handle):
            return True
        if isinstance(x, (list, tuple)) and any_inside(x):
            return True
    return False


cdef bint any_inside(object x) except -1:
    enter_call(" in a list of lists")
    try:
        return any_variable(x)
    finally:
        leave_call()


def holds_variable(*xs):
    """Whether one of `xs` is a Variable, or a list or a tuple that holds one."""
    return any_variable(xs)


cdef bint is_foreign(object x) except -1:
    if is_array(<PyObject *>x) or isinstance(x, (Handle, float, int, list, tuple)):
        return False
    if hasattr(type(x), "__pandas_priority__"):
        raise TypeError(f"a pandas {type(x).__name__} as an operand beside a Variable, which has "
                        "no labels: pass its values, x.to_numpy()")
    return hasattr(type(x), "__array_ufunc__")


# What NumPy's functions in C call their arguments: before 2.4 they do not tell.
cdef dict NAMES = {
    np.dot: ("a", "b", "out"), np.inner: ("a", "b"), np.vdot: ("a", "b"),
    np.where: ("condition", "x", "y"), np.bincount: ("x", "weights", "minlength"),
}


cpdef list parameter_names(object function):
    """What it calls its arguments; nothing, where that is not known."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return list(NAMES.get(function, ()))


# --- `out` ---


cdef tuple apart(str name, object args, tuple out):
    """The arguments, with copies of those arrays that share the memory to which a result goes."""
    found = []
    for x in args:
        data = array_of(x)
        if isinstance(data, np.ndarray) and any([
            isinstance(y, np.ndarray) and np.may_share_memory(data, y) for y in out
        ]):
            if isinstance(x, Handle):
                raise TypeError(f"{name}: out shares the memory of a Variable, which is never "
                                "written to; use the result")
            x = data.copy()
        elif isinstance(x, (list, tuple)):
            x = type(x)(apart(name, x, out)) if type(x) in (list, tuple) else x
        found.append(x)
    return tuple(found)


# These crash in NumPy (2.4) with a 0-d `out`: NumPy's mistake, and the program's.
cdef frozenset ACCUMULATIONS = frozenset(
    "cumsum cumprod nancumsum nancumprod cumulative_sum cumulative_prod".split()
)


cdef tuple apart_from(str name, tuple args, dict kwargs, object out):
    if any_variable((out,)):
        raise TypeError(f"{name}: out is a Variable, which is never written to; use the "
                        "result")
    outs = out if isinstance(out, tuple) else (out,)
    if name in ACCUMULATIONS and np.ndim(outs[0]) == 0:
        raise ValueError(f"{name}: out is 0-d, expected the shape of the result")
    args = apart(name, args, outs)
    return args, dict(zip(kwargs, apart(name, kwargs.values(), outs)))


cdef object results_apart(object ys, object out):
    """The results, with copies of those that are (or share memory with) an `out`."""
    outs = [x for x in (out if isinstance(out, tuple) else (out,)) if isinstance(x, np.ndarray)]
    if isinstance(ys, (tuple, list)):
        return type(ys)([results_apart(y, tuple(outs)) for y in ys])
    shared = isinstance(ys, np.ndarray) and any([np.may_share_memory(ys, x) for x in outs])
    return ys.copy() if shared else ys


cdef bint has_complex(object out) except -1:
    """Whether there is a complex array among `out`."""
    for x in out if isinstance(out, tuple) else (out,):
        if isinstance(x, np.ndarray) and x.dtype.kind == "c":
            return True
    return False


# --- what is computed with, and kept ---


cdef object value_of_operand(str name, bint is_ufunc, int i, object x):
    if isinstance(x, Handle):
        x = value_of(x)
        if x is None:
            raise TypeError(f"{name}: operand {i} is a Variable without data (None)")
    elif isinstance(x, (list, tuple)):
        if is_ufunc:
            x = np.asarray(x)
    if is_array(<PyObject *>x) and not is_exact(<PyObject *>x):
        if isinstance(x, np.matrix) or isinstance(x, np.ma.MaskedArray) and not is_ufunc:
            raise TypeError(f"{name}: operand {i} is a {type(x).__name__}, whose rules are not "
                            "an ndarray's; use np.asarray, or where=")
    return x


cdef list outputs_of(object ys, bint requires_grad, PyTypeObject *cls):
    cdef list outputs = []
    for y in ys:
        if not is_array(<PyObject *>y):
            y = np.asarray(y)
        outputs.append(variable(y, requires_grad and y.dtype.kind in "biufcO", cls))
    return outputs


cdef bint any_requires(list ys) noexcept:
    for y in ys:
        if (<Handle>y).flags & REQUIRES_GRAD:
            return True
    return False


cdef int n_of_integers(list outputs) noexcept:
    """How many of them are arrays of integers or booleans."""
    cdef int n = 0
    for x in outputs:
        n += holds_integers((<Handle>x).array)
    return n


cdef object to_save(object x, bint whole):
    """`x` for a VJP that reads its elements, or only its shape and dtype."""
    if whole or not is_array(<PyObject *>x) or not is_exact(<PyObject *>x):
        return take_object(native(<PyObject *>x))
    return take_object(stand_in(<PyObject *>x))


cdef object without_lists(object x):
    cdef object part
    if type(x) is list:
        return each_without_lists(x)
    if type(x) is tuple:
        for part in <tuple>x:
            if type(part) is list or type(part) is tuple:
                return tuple(each_without_lists(x))
    return x


cdef list each_without_lists(object xs):
    cdef object x
    enter_call(" in a list of lists")
    try:
        return [without_lists(x) for x in xs]
    finally:
        leave_call()


cdef bint may_refer(object x) except -1:
    """Whether it may refer to something that refers back: see NOTE [Garbage collector]."""
    if x is None or not has_references(<PyObject *>x) or type(x) is slice:
        return False
    if type(x) is dict:
        x = list(x.values())
    if type(x) is tuple or type(x) is list:
        enter_call(" in a list of lists")
        try:
            for item in x:
                if may_refer(item):
                    return True
        finally:
            leave_call()
        return False
    return not isinstance(x, type) and not isinstance(x, np.ufunc)
