"""The box of an array."""

from fastgrad.compat.autograd.boxes import ArrayBox, Box, SequenceBox  # noqa: F401
