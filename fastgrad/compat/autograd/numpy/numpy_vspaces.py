"""The vector spaces of arrays."""

from fastgrad.compat.autograd.vspaces import ArrayVSpace, ComplexArrayVSpace, VSpace  # noqa: F401
