"""`autograd.numpy.linalg`: NumPy's names, of functions that take boxes."""

import functools as _functools

import numpy as _np

import fastgrad.numpy as _xp
from fastgrad.compat.autograd.numpy.numpy_wrapper import wrap_namespace
from fastgrad.variable import Variable as _Variable

wrap_namespace(_np.linalg.__dict__, globals())


def T(x):
    """The matrices, transposed."""
    return _xp.swapaxes(x, -1, -2)


_dot = _functools.partial(_xp.einsum, "...ij,...jk->...ik")


def _of_triangle(function):
    """`function` of matrices of which one triangle is read: the other one's gradient is zero."""

    def of_triangle(a, UPLO="L"):
        if not isinstance(a, _Variable):
            return function(a, UPLO)
        half = _xp.tril(a, -1) if UPLO.upper() == "L" else _xp.triu(a, 1)
        diagonal = _xp.real(a) * _np.eye(a.shape[-1], dtype=a.real.dtype)
        return function(half + _xp.conj(T(half)) + diagonal, UPLO)

    of_triangle.__name__, of_triangle.__doc__ = function.__name__, function.__doc__
    return of_triangle


eigh, eigvalsh = _of_triangle(eigh), _of_triangle(eigvalsh)  # noqa: F821
