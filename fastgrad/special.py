"""Functions that NumPy lacks, and with SciPy installed those of `scipy.special`: for Variables too.

>>> from fastgrad import Variable
>>> from fastgrad.special import sigmoid
>>> sigmoid(0.0)
np.float64(0.5)
"""

from fastgrad.functions.special import *  # noqa: F403
from fastgrad.functions.special import SCIPY, __all__, __dir__, scipys  # noqa: F401


def __getattr__(name):
    if name in SCIPY:
        return scipys(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
