"""Front ends: HIPS autograd's modules, and those of DeZero's core, on fastgrad.

A program that can be edited imports `fastgrad.compat.autograd` or `fastgrad.compat.dezero` in place
of the original. For one that cannot, `patch` makes `import autograd` find the front end, and
`python -m fastgrad.compat autograd script.py` does so for a whole program.
"""

import importlib as _importlib

from fastgrad.compat.patching import patch, unpatch

__all__ = ["patch", "unpatch", "explain"]

_modules = {"autograd", "dezero"}


def __getattr__(name):
    # Only when one is asked for: neither is needed for the other.
    if name in _modules:
        return _importlib.import_module(f"fastgrad.compat.{name}")
    if name == "explain":
        from fastgrad.compat.explaining import explain

        globals()["explain"] = explain
        return explain
    raise AttributeError(f"module 'fastgrad.compat' has no attribute {name!r}")


def __dir__():
    return sorted({*__all__, *_modules})
