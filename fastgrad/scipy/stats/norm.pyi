from typing import Any

from fastgrad.op import Row

__all__ = ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"]

pdf: Row
logpdf: Row
cdf: Row
logcdf: Row
sf: Row
logsf: Row
ppf: Row
isf: Row

# The rest is SciPy's own.
def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
