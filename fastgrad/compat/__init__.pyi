from fastgrad.compat import autograd as autograd
from fastgrad.compat import dezero as dezero
from fastgrad.compat.explaining import explain as explain
from fastgrad.compat.patching import patch as patch
from fastgrad.compat.patching import unpatch as unpatch

__all__ = ["patch", "unpatch", "explain"]
