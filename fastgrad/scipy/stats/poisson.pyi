from typing import Any

from fastgrad.op import Row

__all__ = ["pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"]

pmf: Row
logpmf: Row
cdf: Row
logcdf: Row
sf: Row
logsf: Row

# The rest is SciPy's own.
def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
