"""NumPy's protocols: what `np.tanh(x)` and `np.concatenate([x, y])` do with Variables.

NumPy hands the call over (NEP 13 for ufuncs, NEP 18 for functions); here the one that answers is
looked up. Operators, and the functions of fastgrad, do not come this way.
"""

import sys
from importlib import import_module
from types import MethodType
from weakref import WeakValueDictionary

import numpy as np

from fastgrad._core.graph cimport enter_call, leave_call, value_of
from fastgrad._core.node cimport Handle
from fastgrad._core.arguments cimport is_foreign
from fastgrad._core.operation cimport apply
from fastgrad._core.row cimport Row
from fastgrad._core.watch cimport watched, watcher

# What answers for each of NumPy's functions: registered by op.py, see there.
handlers = {}
cdef dict answers = handlers
# The rows that programs declare for functions of their own, which live no longer than the rows.
own_rows = WeakValueDictionary()


def read_later_chapters():
    """Import those of functions/ that are read where nothing answers yet: an import is faster."""
    for chapter in ("discrete", "fft", "linalg"):
        import_module(f"fastgrad.functions.{chapter}")


def answer_of(function):
    """What answers for a function, or None. For one of SciPy's, its row in fastgrad.special."""
    answer = answers.get(function)
    if answer is None:
        answer = own_rows.get(function)
    if answer is None:
        read_later_chapters()
        answer = answers.get(function)
    if answer is None and isinstance(function, np.ufunc):
        if "scipy.special" in sys.modules:
            answer = import_module("fastgrad.functions.special").row_of(function)
    return answer


GO_ON = ("use x.data for its value, or give it a rule with fastgrad.op or a Function")


cdef object ABSENT = object()


def array_ufunc(self, ufunc, method, x0=ABSENT, x1=ABSENT, *others, **kwargs):
    """`ufunc.method(x0, x1, *others, **kwargs)` where an operand, or `out`, is a Variable."""
    # (Two operands with names of their own save a tuple; `array * v` is one of these calls.)
    cdef Row row
    cdef int n = (x0 is not ABSENT) + (x1 is not ABSENT) + len(others)
    cdef tuple inputs
    answer = answers.get(ufunc) if method == "__call__" and not kwargs else None
    if type(answer) is Row:
        row = answer
        # As its call would, which costs a frame more.
        if row.rule != NULL and row.fast_call == NULL and n == row.rule.n_inputs:
            y = apply(row.rule, x0, x1)
            if y is not NotImplemented:
                return y
    inputs = () if n == 0 else (x0,) if n == 1 else (x0, x1, *others)
    if any([is_foreign(x) for x in (*inputs, *kwargs.get("out", ()))]):
        return NotImplemented
    return special(ufunc, method, inputs, kwargs) if answer is None else answer(*inputs)


cdef object found = array_ufunc


cdef class ArrayUfunc:
    """`__array_ufunc__`: None of an instance, and of the class the function that NumPy calls.

    Operators in Python that defer to whoever has None there, as those of masked arrays do, look it
    up on the instance; ufuncs look it up on the class. Numba's call what the instance has.
    """

    def __get__(self, instance, owner):
        if instance is None:
            return found
        if sys._getframe().f_globals.get("__name__", "").startswith("numba."):
            return MethodType(found, instance)
        return None


def array_function(self, function, types, args, kwargs):
    """`function(*args, **kwargs)` where an argument is a Variable."""
    if not all([issubclass(cls, (Handle, np.ndarray)) for cls in types]):
        return NotImplemented
    answer = answer_of(function)
    if answer is None:
        raise not_implemented(function)
    return answer(*args, **kwargs)


def full_name(function):
    """`np.linalg.cond` and the like; of a ufunc, which does not know its module, if it is found."""
    name = function.__name__
    if isinstance(function, np.ufunc):
        for module, prefix in (("numpy", "np"), ("scipy.special", "scipy.special")):
            if getattr(sys.modules.get(module), name, None) is function:
                return f"{prefix}.{name}"
        return f"the ufunc {name}"
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"{module.replace('numpy', 'np', 1)}.{name}"


def not_implemented(function):
    """The TypeError for a function without a rule."""
    name = full_name(function)
    others = ""
    if name.startswith("scipy.special"):
        names = import_module("fastgrad.scipy.special").__all__
        others = f"; those of scipy.special that are: {', '.join(names)}"
    return TypeError(f"{name}: not implemented for Variables; {GO_ON}{others}")


def value(x):
    """`x` with arrays in place of Variables, in lists and tuples of them too."""
    if isinstance(x, Handle):
        return watcher().value(x) if watched else value_of(x)
    if isinstance(x, (list, tuple)):
        enter_call(" in a list of lists")
        try:
            ys = [value(item) for item in x]
        finally:
            leave_call()
        return ys if isinstance(x, list) else tuple(ys)
    return x


# Of ufuncs: methods and keywords. op.py sets it.
cdef object special = None


def set_special(function):
    """Let `function(ufunc, method, inputs, kwargs)` answer for all but plain calls."""
    global special
    special = function
