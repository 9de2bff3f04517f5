"""Functions that do something else in autograd's namespace than in NumPy's, or are not there."""

import numpy as np

import fastgrad.numpy as xp
from fastgrad.compat.autograd.boxes import getval, holds_box
from fastgrad.compat.autograd.tracer import notrace_primitive
from fastgrad.variable import Variable

# --- what takes any iterable of arrays ---


def of_iterables(name):
    """The function of that name, of whose first argument, if it is an iterator, a list is made."""
    function = getattr(xp, name)

    def of_iterable(arrays, *args, **kwargs):
        if hasattr(arrays, "__next__") or not hasattr(arrays, "__getitem__"):
            arrays = [*arrays]
        return function(arrays, *args, **kwargs)

    of_iterable.__name__, of_iterable.__doc__ = name, function.__doc__
    return of_iterable


concatenate, stack, hstack, vstack, dstack, column_stack = map(
    of_iterables, "concatenate stack hstack vstack dstack column_stack".split()
)
row_stack = vstack


# --- what differs from NumPy's ---


def where(condition, *args, **kwargs):
    """`np.where`; of Python's own numbers and lists alone, numbers and lists."""
    given = (condition, *args, *kwargs.values())
    if len(given) == 1:
        return xp.where(condition)
    if len(given) != 3:
        raise ValueError("either both or neither of x and y should be given")
    x = args[0] if args else kwargs["x"]
    y = args[1] if len(args) > 1 else kwargs["y"]
    result = xp.where(condition, x, y)
    if isinstance(result, Variable) or any(map(is_numpys, given)):
        return result
    return result.tolist()


def is_numpys(x):
    """Whether it is an array, a box, or a list or a tuple that holds one."""
    if isinstance(x, (list, tuple)):
        return any(map(is_numpys, x))
    return isinstance(x, (np.ndarray, np.generic, Variable))


def isscalar(x):
    """`np.isscalar`; a box of no axes is a scalar, too."""
    return x.ndim == 0 if isinstance(x, Variable) else np.isscalar(x)


class Rows:
    """`np.r_` or `np.c_`, for boxes too."""

    def __init__(self, numpys):
        self.numpys = numpys

    def __getitem__(self, key):
        parts = key if isinstance(key, tuple) else (key,)
        boxes = [xp.array(part) if holds_box(part) else None for part in parts]
        if all(box is None for box in boxes):
            return self.numpys[key]
        # Numbers in the places of the elements of boxes come where these would: what changes when
        # other numbers stand for them, is an element of a box.
        numbers, values, start = [], [], 0
        for part, box in zip(parts, boxes, strict=True):
            if box is not None:
                part = start + np.arange(box.size).reshape(box.shape)
                start += box.size
            numbers.append(part)
            values.append(part if box is None else getval(box))
        others = [n if box is None else n + start for n, box in zip(numbers, boxes, strict=True)]
        places, others = (np.real(self.numpys[tuple(n)]).astype(int) for n in (numbers, others))
        elements = xp.concatenate([xp.ravel(box) for box in boxes if box is not None])
        from_box = places != others
        return xp.where(
            from_box, elements[np.where(from_box, places, 0)], self.numpys[tuple(values)]
        )


r_, c_ = Rows(np.r_), Rows(np.c_)


def made_of_values(kind):
    """A class of integers whose instances are made of boxes, too: no gradient passes."""

    def new(cls, *args, **kwargs):
        return kind(*map(getval, args), **kwargs)

    return type(kind.__name__, (kind,), {"__new__": new})


int8, int16, int32, int64 = map(made_of_values, (np.int8, np.int16, np.int32, np.int64))

# --- what autograd adds ---


def make_diagonal(D, offset=0, axis1=-1, axis2=-2):
    """Matrices that are zero but for their diagonals, the last axis of `D`."""
    if (offset, axis1, axis2) != (0, -1, -2):
        raise NotImplementedError("make_diagonal: offset is 0, axis1 -1, axis2 -2")
    return xp.where(np.eye(D.shape[-1], dtype=bool), D[..., None, :], 0)


@notrace_primitive
def metadata(A):
    """The shape, the number of axes, the dtype, and whether it is complex."""
    return np.shape(A), np.ndim(A), np.result_type(A), np.iscomplexobj(A)


@notrace_primitive
def parse_einsum_input(*args):
    """The operands' indices, those of the result, and the operands, of arguments of `einsum`."""
    from numpy._core.einsumfunc import _parse_einsum_input

    return _parse_einsum_input(args)


def _astype(A, dtype, *args, **kwargs):
    """`A.astype(dtype)`."""
    return A.astype(dtype, *args, **kwargs)
