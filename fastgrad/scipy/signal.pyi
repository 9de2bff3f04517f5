from typing import Any

from fastgrad.op import Row

__all__ = ["convolve", "fftconvolve", "correlate", "convolve_axes"]

convolve: Row
fftconvolve: Row
correlate: Row

def convolve_axes(x: Any, w: Any, axes: Any = ..., dot_axes: Any = ..., mode: str = ...) -> Any: ...

# The rest is SciPy's own.
def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
