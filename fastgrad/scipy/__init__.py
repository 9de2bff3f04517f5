"""SciPy, differentiable: `special`, `stats`, `linalg`, `signal` and `integrate`.

What has a rule takes Variables and arrays alike, and on arrays alone returns what SciPy's returns;
every other name of these modules is SciPy's own. Needs SciPy: `pip install 'fastgrad[scipy]'`.

>>> import numpy as np
>>> from fastgrad import grad
>>> from fastgrad.scipy import special, stats
>>> print(f"{grad(special.gammaln)(2.0):.6f} {special.digamma(2.0):.6f}")
0.422784 0.422784
>>> grad(stats.norm.logpdf, argnums=(0, 1))(0.5, 0.0, 2.0)
(-0.125, 0.125)
"""

import importlib as _importlib

try:
    import scipy as _scipy  # noqa: F401
except ImportError as error:
    raise ImportError(
        "fastgrad.scipy needs SciPy, which is not installed: pip install 'fastgrad[scipy]'"
    ) from error

__all__ = ["special", "stats", "linalg", "signal", "integrate"]


def __getattr__(name):
    if name in __all__:
        return _importlib.import_module(f"fastgrad.scipy.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
