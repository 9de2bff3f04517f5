"""Functions that NumPy lacks: activations; and with SciPy installed, those of `scipy.special`."""

__all__ = []
