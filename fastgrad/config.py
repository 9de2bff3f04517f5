"""`Config`, and the blocks that change it for a while."""

import contextlib
import functools

from fastgrad._core import debug as debugging
from fastgrad._core.config import Switched
from fastgrad._core.config import switches as _switches


class _ConfigType(type):
    """The class of `Config`, so that its own attributes can be the compiled switches.

    Assigned inside a `using_config` block one holds until the end of the block; outside any block
    it is the default of the whole process. That default is an attribute of the class like any other
    too: it is there that `unittest.mock` and pytest's `monkeypatch` find what to restore.
    """

    def __getattribute__(cls, name):
        switch = _switches.get(name)
        return super().__getattribute__(name) if switch is None else switch.get()

    def __setattr__(cls, name, value):
        if name not in _switches or _switches[name].set(value):
            super().__setattr__(name, value)


class Config(metaclass=_ConfigType):
    """The switches, as class attributes: these two, and what a program adds.

    `enable_backprop` is whether operations record the graph that `backward` needs, and
    `keep_variables` whether that keeps the Variables on the way alive, with their data, names,
    attributes and the gradients that `retain_grad` leaves: for who looks at a graph through
    `f.inputs`. Off, an array dies when no derivative needs it. Each is any truthy or falsy object.

    >>> Config.enable_backprop, Config.keep_variables
    (True, False)
    """

    enable_backprop = True
    keep_variables = False


def using_config(name, value):
    """Set `Config.name` to `value` in a `with` block, or in a function so decorated.

    `enable_backprop` and `keep_variables` change for the thread (and the asyncio task) of the block
    only; other attributes are plain class attributes. AttributeError if `Config` has no such one.

    >>> with using_config("enable_backprop", False):
    ...     Config.enable_backprop
    False
    """
    return _using(Config, name, value)


def _using(config, name, value):
    """Set an attribute of a subclass of Config, in the same way."""
    if name in _switches:
        return Switched(_switches[name], value)
    return _assigned(config, name, value)


@contextlib.contextmanager
def _assigned(config, name, value):
    before = getattr(config, name)
    setattr(config, name, value)
    try:
        yield
    finally:
        setattr(config, name, before)


class _Block:
    """A function that makes a block; it says so if a program forgets its parentheses."""

    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        if args and callable(args[0]):
            raise TypeError(f"{self.__name__} is called first: write @{self.__name__}()")
        return self.__wrapped__(*args, **kwargs)

    def __enter__(self):
        raise TypeError(f"{self.__name__} is called first: write `with {self.__name__}():`")

    def __exit__(self, *_):
        """Python looks for it before it enters."""

    def __reduce__(self):
        return self.__name__

    def __repr__(self):
        return repr(self.__wrapped__)


@_Block
def no_grad():
    """Record no graph in a `with` block, or in a function so decorated.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array(3.0))
    >>> with no_grad():
    ...     y = x * x
    >>> y.creator is None
    True
    """
    return using_config("enable_backprop", False)


@_Block
@contextlib.contextmanager
def debug(on=True):
    """Find arrays that are written into between an operation and its backward.

    An array is saved by reference: `x.data[0] = 1` or `x.data -= ...` after `y = x * x` makes the
    gradient that of other values, without a word. Of what is recorded in this block (or in a
    function so decorated), for its thread and asyncio task, each array that a backward needs is
    compared, then, with what it was: a RuntimeError names the operation, the operand, and the lines
    of the program. It takes a pass over each array, forward and backward. `debug(False)` is a block
    without. An exception leaves every `.grad` as it was.

    >>> import numpy as np
    >>> from fastgrad import Variable, debug
    >>> x = Variable(np.array([1.0, 2.0]))
    >>> with debug():
    ...     y = x * x
    >>> x.data[0] = 5
    >>> y.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    RuntimeError: Mul: operand 0, an array of shape (2,) and dtype float64, was changed in place ...
    """
    before = debugging.enter(on)
    try:
        yield
    finally:
        debugging.leave(before)
