"""NumPy's functions whose result is plain, and those that are refused."""

__all__ = []
