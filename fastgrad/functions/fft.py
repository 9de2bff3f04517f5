"""`np.fft`."""

__all__ = []
