"""Functions written in Python, comparisons and loops that several test files use."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


def functions_for(lib):
    """Functions as a user writes them, for the engine `lib`: a namespace of classes."""

    class Square(lib.Function):
        def forward(self, x):
            return x**2

        def backward(self, gy):
            return 2 * self.inputs[0].data * gy

    class Exp(lib.Function):
        def forward(self, x):
            return np.exp(x)

        def backward(self, gy):
            return np.exp(self.inputs[0].data) * gy

    class Split(lib.Function):
        """Two outputs of one input."""

        def forward(self, x):
            return 2 * x, 3 * x

        def backward(self, gy0, gy1):
            gx = 0.0
            if gy0 is not None:
                gx = gx + 2 * gy0
            if gy1 is not None:
                gx = gx + 3 * gy1
            return gx

    class Combine(lib.Function):
        """One output of three inputs."""

        def forward(self, x0, x1, x2):
            return x0 * x1 + x2

        def backward(self, gy):
            x0, x1, _ = self.inputs
            return gy * x1.data, gy * x0.data, gy

    class Keeper(lib.Function):
        """Identity whose gradient is what the user keeps: `Keeper(kept)(x)`."""

        def __init__(self, kept):
            self.kept = kept

        def forward(self, x):
            return x + 0

        def backward(self, gy):
            return self.kept

    return SimpleNamespace(Square=Square, Exp=Exp, Split=Split, Combine=Combine, Keeper=Keeper)


def same_bits(x, y) -> bool:
    """Same dtype, shape and bytes; any NaN equals any NaN."""
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    if x.dtype == object:
        return all(_same_objects(a, b) for a, b in zip(x.flat, y.flat, strict=True))
    if x.tobytes() == y.tobytes():
        return True
    return all(_same_real_bits(a, b) for a, b in zip(_real_parts(x), _real_parts(y), strict=True))


def _same_objects(a, b) -> bool:
    return type(a) is type(b) and (a == b or (a != a and b != b))


def _real_parts(x):
    return (x.real, x.imag) if x.dtype.kind == "c" else (x,)


def _same_real_bits(x, y) -> bool:
    if x.dtype.kind != "f":
        return np.array_equal(x, y)
    nan = np.isnan(x)
    # Not the raw bytes: a longdouble has padding. The values and the signs of zeros are the bits.
    return (
        np.array_equal(nan, np.isnan(y))
        and np.array_equal(x[~nan], y[~nan])
        and np.array_equal(np.signbit(x[~nan]), np.signbit(y[~nan]))
    )


def assert_same_bits(actual, expected, what="") -> None:
    assert same_bits(actual, expected), f"{what}: {actual!r} is not bit for bit {expected!r}"


def assert_close(actual, expected, rtol, atol, what="") -> None:
    """np.testing.assert_allclose, which takes its time, where a quick look does not settle it."""
    if (
        isinstance(actual, np.ndarray)
        and actual.shape == np.shape(expected)
        and actual.dtype.kind in "fc"
        and expected.dtype.kind in "fc"
    ):
        with np.errstate(all="ignore"):
            if np.all(np.abs(actual - expected) < atol + rtol * np.abs(expected)):
                return
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=what)


def each(cases, check, subtests) -> None:
    """Check all cases. Each that fails is reported under its text, as a test of its own would be.

    pytest's subtests cost little less than tests, so only what failed becomes one.
    """
    for case in cases:
        try:
            check(case)
        except Exception:
            with subtests.test(str(case)):
                raise
