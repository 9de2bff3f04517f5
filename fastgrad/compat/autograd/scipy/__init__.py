"""`autograd.scipy`: the modules of `fastgrad.scipy`, whose functions take boxes."""

from fastgrad.compat.autograd.scipy import integrate, linalg, signal, special, stats  # noqa: F401
