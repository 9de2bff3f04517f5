"""The memory that is kept for the next arrays."""

from fastgrad._kernels.pool import empty_pool
from fastgrad._kernels.spares import empty_spares

__all__ = ["empty_cache"]


def empty_cache():
    """Free the memory of arrays that is kept for the next ones; the number of bytes that were.

    What lives is not touched. How much is kept at most says the environment variable
    `FASTGRAD_POOL_MB` (256; 0: none), which is read when fastgrad is imported.

    >>> import numpy as np
    >>> from fastgrad import Variable, empty_cache
    >>> x = Variable(np.ones(10**5))
    >>> y = (x * 2 + 1).sum()
    >>> del y
    >>> empty_cache() >= 0, empty_cache()
    (True, 0)
    """
    return empty_spares() + empty_pool()
