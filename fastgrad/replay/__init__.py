"""Functions recorded once and run again with no Python: `fastgrad.replay(f)`; see docs/replay.md.

>>> import numpy as np
>>> import fastgrad
>>> square = fastgrad.replay(lambda x: np.sum(x * x))
>>> [float(square(np.array([1.0, t]))) for t in range(5)]
[1.0, 2.0, 5.0, 10.0, 17.0]
>>> square.explain().splitlines()[1]
'  2 operations, 0 of them in Python, 0 guards, 0.1 kB of buffers; replayed 3 times'
"""

import sys
from types import ModuleType

from fastgrad.replay.step import Replay, ReplayWarning

__all__ = ["ReplayWarning", "replay"]


def replay(fun=None, *, check="doubling"):
    """`fun`, replayed from its third call on: the same results, without its Python.

    Parameters
    ----------
    fun : callable
        A function of arrays, and of nested tuples, lists and dicts of arrays and numbers, that
        returns arrays, with derivatives inside at will.
    check : "doubling" or None
        Whether the first replay, and calls 4, 8, 16, ... also run `fun` itself, to compare bits.

    The first two calls run `fun` with Variables in place of the arrays, and log what is computed.
    If both logs agree, and as long as what the log depends on is as it was, later calls replay it.
    Any other call runs `fun`. `explain()` of the result says what is replayed, and what is not and
    why; `clear()` forgets all. TypeError if `fun` returns no array, or a Variable.

    >>> import numpy as np
    >>> import fastgrad
    >>> step = replay(fastgrad.value_and_grad(lambda x: np.sum(x**3)))
    >>> for t in range(4):
    ...     value, gradient = step(np.array([1.0, t]))
    >>> value, gradient
    (np.float64(28.0), array([ 3., 27.]))
    """
    if fun is None:
        return lambda fun: Replay(fun, check)
    return Replay(fun, check)


class _Module(ModuleType):
    """The module, which `fastgrad.replay(f)` calls: it has the function's name."""

    __call__ = staticmethod(replay)


sys.modules[__name__].__class__ = _Module
