"""NumPy's namespace: what has a rule, takes boxes; the rest is NumPy's own.

These are the functions of `fastgrad.numpy`, without a frame of Python's between. Below stand the
few that differ from NumPy's.
"""

import builtins

import numpy as _np

from fastgrad._core.protocols import answer_of, handlers, read_later_chapters
from fastgrad.compat.autograd.tracer import notrace_primitive
from fastgrad.variable import Variable as _Variable

numpy_version = _np.__version__
read_later_chapters()


def wrap_namespace(old, new):
    """Put the names of a namespace of NumPy's into `new`, with the functions that take boxes."""
    for name, found in old.items():
        if not name.startswith("_"):
            new[name] = handlers.get(found, found) if callable(found) else found


wrap_namespace(_np.__dict__, globals())
__all__ = [name for name in _np.__dict__ if not name.startswith("_")]
