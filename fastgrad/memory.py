"""The memory that fastgrad keeps for the next arrays and graphs."""

from fastgrad._core.handles import empty_nodes
from fastgrad._kernels.spares import empty_spares

__all__ = ["empty_cache"]


def empty_cache():
    """Free all memory that is kept for the next arrays and graphs; return how many bytes it was.

    What lives is not touched. How much is kept of arrays at most says the environment variable
    `FASTGRAD_POOL_MB` (256; 0: none), which is read when fastgrad is imported; of Variables and of
    nodes it is some 20 MB.

    >>> import numpy as np
    >>> from fastgrad import Variable, empty_cache
    >>> x = Variable(np.ones(10**5))
    >>> y = (x * 2 + 1).sum()
    >>> del y
    >>> empty_cache() > 0, empty_cache()
    (True, 0)
    """
    return empty_spares() + empty_nodes()
