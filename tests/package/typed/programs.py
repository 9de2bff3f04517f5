"""What a typed program writes: it runs, and passes `mypy --strict` and pyright. See test_types."""

import numpy as np
from numpy.typing import NDArray

import fastgrad as fg
import fastgrad.numpy as fnp
import fastgrad.numpy.random
import fastgrad.special
import fastgrad.testing
from fastgrad import OUTPUT, Function, Variable, as_array, grad, hessian, op, tanh, value_and_grad

Array = NDArray[np.float64]

# --- NumPy's functions and arrays meet Variables ---

x = Variable(np.array([1.0, 2.0]), "x")
y = np.exp(x)
y.backward()
(np.ones(2) * x).backward()
(np.ones(2, np.float32) + x).backward()
(np.float64(2) * x).backward()
(np.eye(2) @ x).backward()
np.maximum(x, 0).backward()
np.logaddexp(x, x).backward()
np.sum(x).backward()
x.sum(axis=0).backward()
np.sum(np.exp(-(x**2)) * np.ones(2)).backward()
fnp.mean(x).backward()
np.max(x).backward()
np.dot(np.ones(2), x).backward()
np.einsum("i,i", x, x).backward()
(2 * x + 1 - x / 2).sum().backward()
print(np.allclose(x, 1), np.asarray(x.data).shape)

# --- Variables ---

x.data -= 0.1 * x.grad
x.cleargrad()
print(x.shape[0], x.ndim, x.dtype, x.name, x.requires_grad, len(x))
element: Variable = x[0]
(-(abs(x) ** 2)).mean().backward(create_graph=True)
x.grad.sum().backward()
loss = float((x * x).sum())


class Scaled(Variable):
    def __init__(self, data: Array, scale: float) -> None:
        super().__init__(data * scale)


Scaled(np.ones(2), 2.0).backward()

# --- fastgrad's functions make Variables of Variables ---

v1: Variable = tanh(x)
v2: Variable = fnp.exp(x)
v3: Variable = fnp.stack([x, x])
v4: Variable = fnp.linalg.solve(np.eye(2), x)
v5: Variable = fnp.where(x > 0, x, 0.0)
v6: Variable = fg.special.sigmoid(x)
v7: Variable = fnp.fft.fft(x)
v8: Variable = fg.add(x, 1.0) + fg.abs(x) + fg.pow(x, 2)
v9: Variable = fg.numpy.maximum(np.ones(2), x)
zeros: Array = fnp.zeros(2)
noise = fnp.random.default_rng(0).normal(size=2)
fg.testing.check_gradients(np.tanh, np.array([0.5]))

# --- operations of one's own ---


class Sin(Function):
    def forward(self, x: Array) -> Array:
        return np.sin(x)

    def backward(self, gy: Array) -> Array:
        (x,) = self.inputs
        return np.asarray(gy * np.cos(x.data))


class Split(Function):
    def forward(self, x: Array) -> tuple[Array, Array]:
        return x[:1], x[1:]

    def backward(self, *gys: Array) -> Array:
        return np.concatenate(gys)


sine: Variable = Sin()(x)
sine.backward()
first, second = Split()(x)
(first * second).backward()
cube = op("cube", lambda x: x**3, OUTPUT, vjp=lambda xp, g, y, x: g * 3 * x * x)
cubes: Variable = cube(x)

# --- derivatives of functions ---


def f(x: Array, k: int = 2) -> np.float64:
    return np.sum(x**k)


def with_aux(x: Array) -> tuple[np.float64, Array]:
    return np.sum(x), x


gx = grad(f)(np.ones(2), k=3)
gx, gk = grad(f, (0,))(np.ones(2), 3), None
value, gx = value_and_grad(f)(np.ones(2))
size: float = value.real
both, gx = value_and_grad(with_aux, has_aux=True)(np.ones(2))
second_derivatives = hessian(f)(np.ones(2))
product = fg.hvp(f)(np.ones(2), np.ones(2), 2)
value, pullback = fg.vjp(f, np.ones(2))
(gx,) = pullback(1.0)
value, slope = fg.jvp(f, (np.ones(2),), (np.ones(2),))
slope = grad(lambda x: x * x)(3.0)
slope = grad(grad(np.tanh))(0.0)
slope = grad(fg.checkpoint(lambda x: x * x))(3.0)
constant: Variable = fg.stop_gradient(x)
array: Array = as_array(3.0)

# --- switches ---

with fg.no_grad():
    print(x * 2)


@fg.no_grad()
def square(x: Variable) -> Variable:
    return x * x


with fg.using_config("enable_backprop", False):
    print(square(x), fg.Config.enable_backprop)
with fg.debug():
    print(x * 2)
