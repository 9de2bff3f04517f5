# ruff: noqa: I001 (one import, not one for each name)
from fastgrad.functions import (
    elu as elu,
    gelu as gelu,
    leaky_relu as leaky_relu,
    log_sigmoid as log_sigmoid,
    log_softmax as log_softmax,
    logsumexp as logsumexp,
    relu as relu,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softplus as softplus,
)
from fastgrad.op import Row

__all__ = [
    "sigmoid", "log_sigmoid", "softplus", "silu", "relu", "leaky_relu", "elu", "gelu",
    "softmax", "log_softmax", "logsumexp",
]  # fmt: skip

SCIPY: tuple[str, ...]

def scipys(name: str) -> Row: ...
def __dir__() -> list[str]: ...

# Those of SciPy, where it is installed.
def __getattr__(name: str) -> Row: ...
