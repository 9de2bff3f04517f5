"""`dezero.core_simple` on fastgrad: the core of the book's steps 23 to 32, gradients are arrays."""

import fastgrad
from fastgrad import (
    Add,
    Config,
    Div,
    Mul,
    Neg,
    Pow,
    Sub,
    Variable,
    add,
    as_array,
    div,
    mul,
    neg,
    no_grad,
    pow,
    sub,
    using_config,
)
from fastgrad.compat.dezero.core import rdiv, rsub, setup_variable

__all__ = [
    "Config", "using_config", "no_grad",
    "Variable", "Function", "as_variable", "as_array", "setup_variable",
    "Add", "add", "Mul", "mul", "Neg", "neg", "Sub", "sub", "rsub", "Div", "div", "rdiv",
    "Pow", "pow",
]  # fmt: skip


def as_variable(obj):
    """`obj` itself if it is a Variable, else a Variable with that data."""
    return obj if isinstance(obj, Variable) else Variable(obj)


class Function(fastgrad.Function):
    """A function with a `backward` for arrays; operands that are none are made Variables."""

    lifts = Variable
