"""The differentiable functions, a file for each chapter of NumPy's reference: see `op`.

A row is mathematics alone, for arrays and for Variables: summing a gradient to the shape of a
broadcast operand, dtypes, who needs a gradient, accumulation, are the engine's. The chapters
`discrete`, `fft` and `linalg` are read when one of their functions is asked for.
"""

from fastgrad.functions import (  # noqa: F401
    convolution,
    einsums,
    elementwise,
    indexing,
    polynomials,
    products,
    reductions,
    shaping,
    special,
    ufuncs,
)
from fastgrad.functions.convolution import *  # noqa: F403
from fastgrad.functions.einsums import *  # noqa: F403
from fastgrad.functions.elementwise import *  # noqa: F403
from fastgrad.functions.indexing import *  # noqa: F403
from fastgrad.functions.polynomials import *  # noqa: F403
from fastgrad.functions.products import *  # noqa: F403
from fastgrad.functions.reductions import *  # noqa: F403
from fastgrad.functions.shaping import *  # noqa: F403
from fastgrad.functions.special import *  # noqa: F403

__all__ = [
    *elementwise.__all__,
    *reductions.__all__,
    *shaping.__all__,
    *indexing.__all__,
    *products.__all__,
    *einsums.__all__,
    *convolution.__all__,
    *polynomials.__all__,
    *special.__all__,
]
