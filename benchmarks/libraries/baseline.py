"""The seed's algorithm in plain Python, with the functions that a user of it would define."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from benchmarks import baseline
from benchmarks.baseline import Function
from benchmarks.libraries.protocol import Variables, namespace
from benchmarks.workloads import sin_of


class Exp(Function):
    """`exp(x)`"""

    def forward(self, x):
        self.y = np.exp(x)
        return self.y

    def backward(self, gy):
        return gy * self.y


class Log(Function):
    """`log(x)`"""

    def forward(self, x):
        return np.log(x)

    def backward(self, gy):
        return gy / self.inputs[0].data


class Tanh(Function):
    """`tanh(x)`"""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, gy):
        return gy * (1 - self.y * self.y)


class Sum(Function):
    """`sum(x)`"""

    def forward(self, x):
        return np.sum(x)

    def backward(self, gy):
        return np.full(self.inputs[0].shape, gy)


class GetItem(Function):
    """`x[index]`"""

    def __init__(self, index):
        super().__init__()
        self.index = index

    def forward(self, x):
        return x[self.index]

    def backward(self, gy):
        gx = np.zeros_like(self.inputs[0].data)
        gx[self.index] = gy
        return gx


FUNCTIONS = SimpleNamespace(
    exp=lambda x: Exp()(x),
    log=lambda x: Log()(x),
    tanh=lambda x: Tanh()(x),
    sum=lambda x: Sum()(x),
)


class Adapter(Variables):
    """The seed's algorithm."""

    LACKS: ClassVar = {
        "derivatives": "its backward is not itself recorded",
        "routines": "it has a few functions",
    }
    module = baseline
    xp = namespace(FUNCTIONS)

    def __init__(self):
        baseline.Variable.__getitem__ = lambda x, index: GetItem(index)(x)

    def version(self):
        return "step 20"

    def sine(self, x):
        return sin_of(baseline)()(x)
