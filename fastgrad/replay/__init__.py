"""A function recorded once and run again with no Python: see docs/replay.md."""

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
