"""What is attempted while something fails: see faults.py."""

import copy

import numpy as np
from helpers import functions_for

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Function, Variable

F = functions_for(fastgrad)
SCENARIOS = {}


def scenario(f):
    """Enter `f` under its name."""
    SCENARIOS[f.__name__] = f
    return f


def leaf(x=1.5, n=None, dtype=float):
    return Variable(np.array(x, dtype) if n is None else np.full(n, x, dtype))


class Cube(Function):
    differentiable = True

    def forward(self, x):
        return x**3

    def backward(self, gy):
        (x,) = self.inputs
        return 3 * x * x * gy


class Inner(Function):
    """Its backward runs a backward of its own, which reaches the leaf `self.leaf` too."""

    def forward(self, x):
        return x + 0

    def backward(self, gy):
        (self.leaf * self.leaf).backward()
        return gy


both = fastgrad.op(
    "both",
    lambda x: (x * 2, x + 1),
    vjp=lambda xp, gy, y, x: 2 * gy[0] + gy[1],
)


# --- recording and backward ---


@scenario
def numbers():
    x, w = leaf(), leaf(2.5)

    def attempt():
        y = (x * w + x - 2 / w) / (x**2 - -w) + abs(w) * 3
        y.backward()

    return attempt, [x, w]


@scenario
def arrays():
    x, w = leaf(n=3), leaf(2.5, n=3)

    def attempt():
        y = (x * w + x - 2 / w) / (x**2 - -w) + abs(w) * 3
        y.backward()

    return attempt, [x, w]


def swapped_sum(x, w):
    return fnp.sum(x * w + fnp.exp(x)) + fnp.max(w) + x[1] + fnp.sum(w[[0, 0]])


@scenario
def arrays_in_the_other_byte_order():
    x, w = leaf(n=3, dtype=">f8"), leaf(2.5, n=3, dtype=">f8")
    return lambda: swapped_sum(x, w).backward(), [x, w]


@scenario
def arrays_in_the_other_byte_order_recorded():
    x, w = leaf(n=3, dtype=">f8"), leaf(2.5, n=3, dtype=">f8")
    return lambda: swapped_sum(x, w).backward(create_graph=True), [x, w]


@scenario
def large_arrays():
    x, w = leaf(n=3000), leaf(2.5, n=3000)

    def attempt():
        y = (x * w + x - 2 / w) / (x**2 - -w) + x
        y.backward()

    return attempt, [x, w]


@scenario
def broadcast_and_dtypes():
    x, w, z = leaf(n=3), leaf(2.5, n=(4, 1)), leaf(0.5, n=3, dtype="float32")

    def attempt():
        y = x * w + z * 2 - w**x + (x @ z) * 1j
        y.backward()

    return attempt, [x, w, z]


@scenario
def elementwise_and_reductions():
    x = leaf(0.5, n=(2, 3))

    def attempt():
        y = fnp.sum(fnp.exp(x) * fnp.tanh(x)) + x.mean() + fnp.log(x).sum(axis=0).sum()
        y.backward()

    return attempt, [x]


@scenario
def indexing_and_shaping():
    x = leaf(0.5, n=(2, 3))

    def attempt():
        y = x[0] * x[:, [0, 0, 1]][1] + x.T[1:].reshape(4)[1:] + x.ravel()[::2]
        y.backward()

    return attempt, [x]


@scenario
def rows():
    x, w = leaf(0.5, n=3), leaf(1.5, n=3)

    def attempt():
        y = fnp.cumsum(x) * fnp.where([True, False, True], x, w) + np.maximum(x, 0.1)
        z = fnp.concatenate([x, w, x, y])
        z.backward()

    return attempt, [x, w]


@scenario
def rows_with_many_outputs():
    x = Variable(np.array([[2.0, 1.0], [1.0, 3.0]]))

    def attempt():
        a, b = fnp.split(x, 2)
        c, d = both(x)
        y = (a * b).sum() + (c * d).sum()
        y.backward()

    return attempt, [x]


@scenario
def python_functions():
    x, w = leaf(n=3), leaf(2.5, n=3)

    def attempt():
        y = F.Combine()(F.Square()(x), w, 2.0) + F.Exp()(x)
        y.backward()

    return attempt, [x, w]


@scenario
def python_function_with_many_outputs():
    x = leaf()

    def attempt():
        y0, y1 = F.Split()(x * 2)
        y = y0 * y1 + y0
        y.backward()

    return attempt, [x]


@scenario
def differentiable_function():
    x = leaf()

    def attempt():
        y = Cube()(x) * Cube()(x * 2)
        y.backward()

    return attempt, [x]


@scenario
def function_called_again():
    x, f = leaf(), F.Square()

    def attempt():
        f(x)
        f(f(x) * 2).backward()

    def once():
        f(x)
        (f(x) * 2).backward()

    return once, [x]


# --- backward, of a graph that is there ---


def graph(n=None):
    x, w = leaf(n=n), leaf(2.5, n=n)
    t = x * w + x
    u = F.Square()(t) - fnp.arctan(w * x) if n else F.Square()(t) - w * x
    return x, w, t, u, u * t + x


def old_gradients(*xs):
    for x in xs:
        x.grad = np.full(x.shape, 0.25)


@scenario
def backward():
    x, w, _, _, y = graph()
    return (lambda: y.backward()), [x, w]


@scenario
def backward_of_arrays():
    x, w, _, _, y = graph(3)
    old_gradients(x, w)
    return (lambda: y.backward()), [x, w]


@scenario
def backward_with_retain_grad():
    x, w, t, u, y = graph(3)
    old_gradients(x)
    return (lambda: y.backward(retain_grad=True)), [x, w, t, u, y]


@scenario
def backward_that_clears():
    x, w, t, u, y = graph()
    y.backward(retain_grad=True)
    return (lambda: y.backward()), [x, w, t, u]


@scenario
def backward_from_a_gradient():
    x, w, t, u, y = graph(3)
    y.grad = np.array(2.0)
    return (lambda: y.backward(retain_grad=True)), [x, w, t, u]


@scenario
def backward_that_releases():
    x, w = leaf(n=3), leaf(2.5, n=3)

    def attempt():
        y = F.Square()(x * w) * fnp.cumsum(x)
        y.backward(retain_graph=False)

    return attempt, [x, w]


@scenario
def backward_of_a_wide_graph():
    x = leaf()
    ys = [x * float(i) for i in range(20)]
    for i in range(1, 40):
        ys.append(ys[i] * 0.5 if i % 3 else ys[i] + ys[-1])
    y = sum(ys[1:], ys[0])
    return (lambda: y.backward()), [x]


@scenario
def backward_of_a_leaf():
    x = leaf(n=3)
    return (lambda: x.backward()), [x]


@scenario
def backward_inside_a_backward():
    x = leaf()
    f = Inner()
    f.leaf = x
    y = f(x * x) * x

    def attempt():
        x.cleargrad()
        y.backward()

    return attempt, []


@scenario
def backward_that_numpy_reports():
    x = leaf(1e-200, n=3)

    def attempt():
        y = x * x + x**3  # underflow, which NumPy ignores
        y.backward()

    return attempt, [x]


# --- derivatives of derivatives, functions of functions ---


@scenario
def create_graph():
    x, w = leaf(0.5), leaf(2.0)
    y = fnp.tanh(x) * w * w + Cube()(x)
    return (lambda: y.backward(create_graph=True)), [x, w]


@scenario
def create_graph_with_old_gradients_and_retain_grad():
    x = leaf(0.5, n=3)
    old_gradients(x)
    t = fnp.tanh(x)
    y = fnp.cumsum(t * x)[0] * 2
    return (lambda: y.backward(create_graph=True, retain_grad=True)), [x, t, y]


@scenario
def second_derivative():
    x = leaf(0.5)

    def attempt():
        (gx,) = fastgrad.gradients([fnp.exp(x * x)], [x], create_graph=True)
        gx.backward()

    return attempt, [x]


def f(x):
    return fnp.sum(fnp.tanh(x) ** 2 * x)


X = np.array([0.5, 1.0, 1.5])


@scenario
def grad():
    return (lambda: fastgrad.grad(f)(X)), []


@scenario
def value_and_grad():
    return (lambda: fastgrad.value_and_grad(lambda p: f(p["x"]))({"x": X, "y": [1.0]})), []


@scenario
def jacobian():
    return (lambda: fastgrad.jacobian(lambda x: fnp.cumsum(x * x)[1:])(X)), []


@scenario
def hessian():
    return (lambda: fastgrad.hessian(f)(X)), []


@scenario
def products():
    return (lambda: (fastgrad.hvp(f)(X, X), fastgrad.jvp(f, (X,), (X,)))), []


@scenario
def checkpoint():
    x = leaf(0.5, n=3)

    def attempt():
        fastgrad.checkpoint(lambda x: fnp.exp(x) * x)(x).backward()

    return attempt, [x]


# --- the rest of what a program does ---


@scenario
def no_grad():
    x = leaf(n=3)

    def attempt():
        with fastgrad.no_grad():
            y = F.Square()(x) * x
        (y * y).backward()

    return attempt, [x]


@scenario
def numpys_protocol():
    x = leaf(0.5, n=3)

    def attempt():
        y = np.sum(np.exp(x) * np.ones(3)) + np.concatenate([x, x]).sum()
        y.backward()

    return attempt, [x]


@scenario
def walk_through_the_graph():
    x, w, t, u, y = graph(3)
    del t, u

    def attempt():
        stack, n = [y], 0
        while stack:
            v = stack.pop()
            n += 1
            if v.creator is not None:
                stack.extend(v.creator.inputs)
                v.creator.outputs[0]()
        y.backward()
        return n

    return attempt, [x, w]


@scenario
def graph_recorded_by_hand():
    import weakref

    x = leaf()

    def attempt():
        f, y = F.Square(), leaf(2.25)
        f.generation = 0
        y.set_creator(f)
        f.inputs, f.outputs = (x,), [weakref.ref(y)]
        y.backward()

    return attempt, [x]


@scenario
def cut_and_moved():
    x = leaf()

    def attempt():
        t = x * x
        y = t * t
        t.set_creator(F.Square()(x).creator)
        y.backward()

    return attempt, [x]


@scenario
def attributes():
    x = leaf(n=3)

    def attempt():
        y = x * x
        y.note, y.name = [x], ["y"]
        t = F.Square()(y)
        t.creator.note = {}
        y.data = np.zeros(3)
        t.grad = 2.0
        t.backward()

    return attempt, [x]


@scenario
def release():
    def make():
        x, _, _, _, y = graph(3)
        return [x, y, F.Split()(y), fnp.concatenate([x, y, x])]

    kept = make()

    def attempt():
        kept.clear()
        kept.extend(make())

    return attempt, []


@scenario
def copies():
    x = leaf(n=3)
    x.note = "kept"

    def attempt():
        return copy.copy(x), copy.deepcopy(x)

    return attempt, []
