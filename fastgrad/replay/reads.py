"""What a program may read of a value under a log, and what that means."""

import operator

import numpy as np

CONVERSIONS = {
    "__float__": float, "__int__": int, "__complex__": complex, "__index__": operator.index,
}  # fmt: skip

# Who asks for the array of a Variable to make another Variable of it, or for its form.
CARRIERS = {
    ("fastgrad.transforms.arguments", name) for name in ("lifted", "ones_like", "stop")
} | {
    ("fastgrad.transforms.checkpoints", name)
    for name in ("stop_gradient", "compute", "forward", "<listcomp>", "<genexpr>", "backward")
} | {("fastgrad.methods", "nbytes"), ("fastgrad.methods", "itemsize")}  # fmt: skip


def named(*names):
    """NumPy's functions of these names, in the version that there is."""
    return {getattr(np, name) for name in names if hasattr(np, name)}


FORMS = named(
    "shape", "ndim", "size", "zeros_like", "ones_like", "iscomplexobj", "isrealobj", "common_type",
    "can_cast", "isfortran", "isscalar", "iterable", "einsum_path", "ix_", "diag_indices_from",
    "tril_indices_from", "triu_indices_from",
)  # fmt: skip
LOGGED = named(
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isfinite", "isinf",
    "isnan", "isneginf", "isposinf", "signbit", "isreal", "iscomplex", "isclose", "allclose",
    "array_equal", "array_equiv", "logical_and", "logical_or", "logical_xor", "logical_not",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_count", "invert", "left_shift",
    "right_shift", "gcd", "lcm", "all", "any", "count_nonzero", "argmax", "argmin", "nanargmax",
    "nanargmin", "argsort", "argpartition", "nonzero", "flatnonzero", "argwhere", "isin",
    "digitize", "searchsorted",
)  # fmt: skip
