"""The seed's algorithm in plain Python: oracle of the tests, baseline of every benchmark.

The graph is in `seed.py`. `Add` and `Mul` of operands that are alike take the seed's path (the test
whether they are alike makes an operation on 0-d arrays some 3 % slower than the seed's). Around it
stands what the seed lacks and fastgrad has: the other operators, and gradients that are brought
back to the shape and the dtype of their Variable.
"""

import numpy as np

from benchmarks.seed import (
    Config,
    Constant,
    Function,
    Variable,
    as_array,
    no_grad,
    using_config,
)

__all__ = [
    "Abs", "Add", "Config", "Div", "Function", "MatMul", "Mul", "Neg", "Pow", "Sub", "Variable",
    "add", "as_array", "div", "matmul", "mul", "neg", "no_grad", "sub", "using_config",
]  # fmt: skip


def sum_to(g, shape):
    """`g` summed over the axes along which an array of `shape` was broadcast to `g.shape`."""
    lead = g.ndim - len(shape)
    if lead:
        g = g.sum(axis=tuple(range(lead)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    if axes:
        g = g.sum(axis=axes, keepdims=True)
    return g


DOUBLE = np.dtype(float)


def fit(gx, x):
    """`gx` with the shape of `x`, and with its dtype; of integers with float64."""
    if isinstance(x, Constant):
        return None
    gx, data = np.asanyarray(gx), x.data
    if gx.dtype == np.float16:
        gx = gx.astype(np.float32)  # for the sums
    if gx.shape != data.shape:
        gx = sum_to(gx, data.shape)
    dtype = np.dtype(float) if data.dtype.kind in "biu" else data.dtype
    if dtype.kind in "fc" and gx.dtype != dtype:
        if gx.dtype.kind == "c" and dtype.kind == "f":
            gx = gx.real
        gx = np.asanyarray(gx).astype(dtype)
    return gx


def read(x, gy):
    """`x` in no lower precision than `gy` and float32, and floating: for a formula."""
    if type(x) in (float, int, complex):
        return x
    if type(x) is not bool and x.dtype is gy.dtype is DOUBLE:
        return x  # nearly always
    if not isinstance(x, (np.ndarray, np.generic)) or x.dtype == object or gy.dtype == object:
        return float(x) if type(x) is bool else x
    real = gy.real.dtype if gy.dtype.kind in "fc" else np.dtype(float)
    real = np.result_type(real, np.float32)
    if x.dtype.kind in "biu":
        return np.asanyarray(x).astype(real)
    return np.asanyarray(x).astype(np.result_type(x, real))


class Add(Function):
    """`x0 + x1`"""

    unlike = False  # operands of one shape and dtype need no fitting, which takes time

    def forward(self, x0, x1):
        try:
            if x0.shape != x1.shape or x0.dtype is not x1.dtype:
                self.unlike = True
        except AttributeError:  # a Python scalar
            self.unlike = True
        return x0 + x1

    def backward(self, gy):
        if self.unlike:
            return fit(gy, self.inputs[0]), fit(gy, self.inputs[1])
        return gy, gy


class Mul(Function):
    """`x0 * x1`"""

    unlike = False  # see Add

    def forward(self, x0, x1):
        try:
            if x0.shape != x1.shape or x0.dtype is not x1.dtype:
                self.unlike = True
        except AttributeError:  # a Python scalar
            self.unlike = True
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs[0].data, self.inputs[1].data
        if self.unlike:
            gy, x0, x1 = read(gy, gy), read(x0, gy), read(x1, gy)
            return fit(gy * x1, self.inputs[0]), fit(gy * x0, self.inputs[1])
        return gy * x1, gy * x0


# Below, `np.multiply` stands where two NumPy scalars may meet: their `*` is a loop of its own that
# may round a complex product in another way than the ufunc does.


class Sub(Function):
    """`x0 - x1`"""

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        return fit(gy, self.inputs[0]), fit(-gy, self.inputs[1])


class Div(Function):
    """`x0 / x1`"""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = read(self.inputs[0].data, gy), read(self.inputs[1].data, gy)
        gx0 = gy / x1
        gx1 = np.multiply(-gx0, x0 / x1)
        return fit(gx0, self.inputs[0]), fit(gx1, self.inputs[1])


class Neg(Function):
    """`-x`"""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return fit(-gy, self.inputs[0])


def wide(x):
    """`x`, converted to float32 if it is float16."""
    return x.astype(np.float32) if getattr(x, "dtype", None) == np.float16 else x


class Pow(Function):
    """`x0 ** x1`"""

    def forward(self, x0, x1):
        return x0**x1

    def backward(self, gy):
        x0, x1 = read(self.inputs[0].data, gy), read(self.inputs[1].data, gy)
        gx0 = gx1 = None
        if not isinstance(self.inputs[0], Constant):
            gx0 = self.gradient_of_base(gy, x0, x1)
        if not isinstance(self.inputs[1], Constant):
            base, e = wide(np.where(x0 == 0, 1, x0)), wide(x1)
            gx1 = fit(np.multiply(gy, base**e * np.log(base)), self.inputs[1])
        return gx0, gx1

    def gradient_of_base(self, gy, x0, x1):
        """The gradient for `x0`; a Python scalar as exponent keeps NumPy's short cuts (`x0**2`)."""
        if type(x1) in (bool, int, float, complex):
            if x1 == 0:
                return fit(np.zeros_like(x0), self.inputs[0])
            slope = x1 * x0 ** (x1 - 1)
        else:  # below 1, x1 - 1 is rounded
            x0, x1 = wide(x0), wide(x1)
            low = (x1 < 1) & (x0 != 0)
            unused = low | (x1 == 0)
            e = np.where(unused, 0, x1 - 1) if np.any(unused) else x1 - 1
            slope = x1 * x0**e
            if np.any(low):
                slope = np.where(low, x1 * x0**x1 / np.where(low, x0, 1), slope)
        return fit(np.multiply(gy, slope), self.inputs[0])


class MatMul(Function):
    """`x0 @ x1`"""

    def forward(self, x0, x1):
        return x0 @ x1

    def backward(self, gy):
        x0, x1 = read(self.inputs[0].data, gy), read(self.inputs[1].data, gy)
        # A 1-d operand takes part as one row (left) or one column (right); `gy` has the same axes.
        row, column = x0.ndim == 1, x1.ndim == 1
        x0 = x0[np.newaxis, :] if row else x0
        x1 = x1[:, np.newaxis] if column else x1
        gy = np.expand_dims(gy, -1) if column else gy
        gy = np.expand_dims(gy, -2) if row else gy

        gx0 = gx1 = None
        if not isinstance(self.inputs[0], Constant):
            gx0 = gy @ x1.swapaxes(-1, -2)
            gx0 = fit(gx0[..., 0, :] if row else gx0, self.inputs[0])
        if not isinstance(self.inputs[1], Constant):
            gx1 = x0.swapaxes(-1, -2) @ gy
            gx1 = fit(gx1[..., 0] if column else gx1, self.inputs[1])
        return gx0, gx1


class Abs(Function):
    """`abs(x)`"""

    def forward(self, x):
        return np.absolute(x)

    def backward(self, gy):
        x = read(self.inputs[0].data, gy)
        if x.dtype.kind == "c":
            r = np.absolute(x)
            direction = np.where(r == 0, 0, np.divide(np.conj(x), np.where(r == 0, 1, r)))
        else:
            direction = np.sign(x)
        return fit(np.multiply(gy, direction), self.inputs[0])


def add(x0, x1):
    """`x0 + x1`"""
    return Add()(x0, x1)


def mul(x0, x1):
    """`x0 * x1`"""
    return Mul()(x0, x1)


def sub(x0, x1):
    """`x0 - x1`"""
    return Sub()(x0, x1)


def div(x0, x1):
    """`x0 / x1`"""
    return Div()(x0, x1)


def neg(x):
    """`-x`"""
    return Neg()(x)


def pow(x0, x1):
    """`x0 ** x1`"""
    return Pow()(x0, x1)


def matmul(x0, x1):
    """`x0 @ x1`"""
    return MatMul()(x0, x1)


def abs(x):
    """`abs(x)`"""
    return Abs()(x)


def reflected(f):
    """`f` with its two operands exchanged."""
    return lambda x1, x0: f(x0, x1)


Variable.__add__ = add
Variable.__radd__ = reflected(add)
Variable.__sub__ = sub
Variable.__rsub__ = reflected(sub)
Variable.__mul__ = mul
Variable.__rmul__ = reflected(mul)
Variable.__truediv__ = div
Variable.__rtruediv__ = reflected(div)
Variable.__pow__ = pow
Variable.__rpow__ = reflected(pow)
Variable.__matmul__ = matmul
Variable.__rmatmul__ = reflected(matmul)
Variable.__neg__ = neg
Variable.__abs__ = abs
