"""`np.linalg`: decompositions, solving, norms; batched as in NumPy."""

__all__ = []
