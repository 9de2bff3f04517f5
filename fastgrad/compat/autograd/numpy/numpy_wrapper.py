"""NumPy's namespace: what has a rule, takes boxes; the rest is NumPy's own.

These are the functions of `fastgrad.numpy`, without a frame of Python's between, but for the few of
differing.py.
"""

import types as _types

import numpy as _np

from fastgrad._core.protocols import handlers as _handlers
from fastgrad._core.protocols import read_later_chapters as _read_later_chapters
from fastgrad.compat.autograd.numpy import differing as _differing

numpy_version = _np.__version__
_read_later_chapters()


def wrap_namespace(old, new):
    """Put the names of a namespace of NumPy's into `new`, with the functions that take boxes."""
    for name, found in old.items():
        if not name.startswith("_") and not isinstance(found, _types.ModuleType):
            new[name] = _handlers.get(found, found) if callable(found) else found


wrap_namespace(_np.__dict__, globals())
for _name in (
    "concatenate stack hstack vstack row_stack dstack column_stack where isscalar "
    "r_ c_ int8 int16 int32 int64 make_diagonal metadata parse_einsum_input _astype"
).split():
    globals()[_name] = getattr(_differing, _name)

__all__ = [_name for _name in globals() if not _name.startswith("_")]
