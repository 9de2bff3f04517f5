"""Products of arrays: matmul, dot, einsum and their kin."""

__all__ = []
