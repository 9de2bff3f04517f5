"""The programs of the book's steps 21 to 37 and 44, in short form: what each computes, as numbers.

Each is given a module that has the names of `dezero.core`; those in SIMPLE do with those of
`dezero.core_simple`. The others, which need the library's layers, are in steps_of_layers.py.
"""

import math

import numpy as np

STEPS, SIMPLE = {}, {}


def step(number, *tables):
    """Enter a program in tables; its name is the number of the step."""

    def enter(program):
        for table in tables:
            table[number] = program
        return program

    return enter


def number(x):
    """The data of a Variable, or an array, as what JSON has."""
    return np.asarray(getattr(x, "data", x) if not isinstance(x, np.ndarray) else x).tolist()


def numbers(*xs):
    """The same of several."""
    return [number(x) for x in xs]


def scalars(d, *values):
    """Variables of numbers."""
    return [d.Variable(np.array(value)) for value in values]


@step("21", STEPS, SIMPLE)
def mixed_operands(d):
    """Arrays and numbers beside a Variable, on either side."""
    (x,) = scalars(d, 2.0)
    return numbers(x + np.array(3.0), x + 3.0, 3.0 * x + 1.0, np.array([2.0]) + x)


@step("22", STEPS, SIMPLE)
def more_operators(d):
    """Negation, difference, quotient, power, reversed too."""
    (x,) = scalars(d, 2.0)
    y = x**3
    y.backward()
    return numbers(-x, 2.0 - x, x - 1.0, 3.0 / x, x / 1.0, y, x.grad)


@step("23", STEPS, SIMPLE)
def imported(d):
    """The first program on the package."""
    (x,) = scalars(d, 1.0)
    y = (x + 3) ** 2
    y.backward()
    return [repr(y), *numbers(x.grad)]


def sphere(x, y):
    """A test function for optimization."""
    return x**2 + y**2


def matyas(x, y):
    """Another."""
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    """And Goldstein and Price's."""
    first = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    second = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * first) * (30 + (2 * x - 3 * y) ** 2 * second)


@step("24", STEPS, SIMPLE)
def test_functions(d):
    """Their gradients at (1, 1)."""
    found = []
    for f in (sphere, matyas, goldstein):
        x, y = scalars(d, 1.0, 1.0)
        f(x, y).backward()
        found += numbers(x.grad, y.grad)
    return found


def drawn(y):
    """The picture of a graph, as what is in it: boxes by name, circles, and arrows."""
    boxes, circles, arrows, stack, seen = [], {id(y): y.name}, 0, [y.creator], set()
    while stack:
        f = stack.pop()
        if id(f) in seen:
            continue
        seen.add(id(f))
        boxes.append(type(f).__name__)
        for v in f.inputs:
            circles[id(v)] = v.name
            stack += [] if v.creator is None else [v.creator]
        for v in f.outputs:
            circles[id(v())] = v().name
        arrows += len(f.inputs) + len(f.outputs)
    return sorted(boxes), sorted(n for n in circles.values() if n), arrows


@step("26", STEPS, SIMPLE)
def picture(d):
    """The graph of Goldstein and Price's function."""
    x, y = scalars(d, 1.0, 1.0)
    x.name, y.name = "x", "y"
    z = goldstein(x, y)
    z.name = "z"
    boxes, names, _ = drawn(z)
    return [boxes, names]


@step("27", STEPS, SIMPLE)
def taylor(d):
    """The sine by its series."""
    found = []
    for threshold in (0.0001, 1e-150):
        (x,) = scalars(d, np.pi / 4)
        y = 0
        for i in range(100000):
            t = (-1) ** i / math.factorial(2 * i + 1) * x ** (2 * i + 1)
            y = y + t
            if abs(t.data) < threshold:
                break
        y.backward()
        found += [i, *numbers(y, x.grad)]
    return found


@step("28", STEPS, SIMPLE)
def descent(d):
    """Rosenbrock's function, by steepest descent."""
    x, y = scalars(d, 0.0, 2.0)
    found = []
    for i in range(1000):
        z = 100 * (y - x**2) ** 2 + (x - 1) ** 2
        x.cleargrad()
        y.cleargrad()
        z.backward()
        if i % 333 == 0:
            found += numbers(x, y, x.grad, y.grad)
        for v in (x, y):
            gv = v.grad.data if hasattr(v.grad, "cleargrad") else v.grad
            v.data -= 0.001 * gv
    return found


def minimum(d, derivatives):
    """Ten steps of Newton's method, by the two derivatives for x of y."""
    (x,) = scalars(d, 2.0)
    found = []
    for _ in range(10):
        found += numbers(x)
        y = x**4 - 2 * x**2
        x.cleargrad()
        gx, ggx = derivatives(x, y)
        x.data -= gx / ggx
    return found


@step("29", STEPS, SIMPLE)
def newton_by_hand(d):
    """A minimum by Newton's method, with the second derivative written down."""

    def derivatives(x, y):
        y.backward()
        gx = x.grad.data if hasattr(x.grad, "cleargrad") else x.grad
        return gx, 12 * x.data**2 - 4

    return minimum(d, derivatives)


@step("33", STEPS)
def newton(d):
    """The same, with the second derivative by a second backward."""

    def derivatives(x, y):
        y.backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        gx.backward()
        return gx.data, x.grad.data

    return minimum(d, derivatives)


def functions(d):
    """Functions as the book writes them, for where there is no library."""

    class Sin(d.Function):
        def forward(self, x):
            return np.sin(x)

        def backward(self, gy):
            return gy * Cos()(self.inputs[0])

    class Cos(d.Function):
        def forward(self, x):
            return np.cos(x)

        def backward(self, gy):
            return gy * -Sin()(self.inputs[0])

    class Tanh(d.Function):
        def forward(self, x):
            return np.tanh(x)

        def backward(self, gy):
            y = self.outputs[0]()
            return gy * (1 - y * y)

    return Sin, Cos, Tanh


@step("34", STEPS)
def sine(d):
    """The sine, and its first three derivatives."""
    Sin, *_ = functions(d)
    x = d.Variable(np.linspace(-7, 7, 5))
    y = Sin()(x)
    y.backward(create_graph=True)
    found = numbers(y)
    for _ in range(3):
        found += numbers(x.grad)
        gx = x.grad
        x.cleargrad()
        gx.backward(create_graph=True)
    return found


@step("35", STEPS)
def tanh(d):
    """The graph of a derivative of tanh: a hundred or so Functions, named."""
    *_, Tanh = functions(d)
    (x,) = scalars(d, 1.0)
    y = Tanh()(x)
    x.name, y.name = "x", "y"
    y.backward(create_graph=True)
    for _ in range(4):
        gx = x.grad
        x.cleargrad()
        gx.backward(create_graph=True)
    gx = x.grad
    gx.name = "gx5"
    names = drawn(gx)[1]
    return [x.grad.name, "gx5" in names, "x" in names, "y" in names, *numbers(gx)]


@step("36", STEPS)
def double(d):
    """A gradient in an expression that is differentiated again."""
    (x,) = scalars(d, 2.0)
    y = x**2
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    z = gx**3 + y
    z.backward()
    return numbers(x.grad)


@step("37", STEPS)
def tensors(d):
    """Elementwise, and the sum of all."""
    x = d.Variable(np.array([[1.0, 2, 3], [4, 5, 6]]))
    c = d.Variable(np.array([[10.0, 20, 30], [40, 50, 60]]))
    t = x + c
    t.backward(retain_grad=True)
    return numbers(t, t.grad, x.grad, c.grad)


@step("44", STEPS)
def parameters(d):
    """A Parameter is a Variable; what is computed from it is no Parameter."""
    p, x = d.Parameter(np.array(1.0)), d.Variable(np.array(2.0))
    y = p * x
    kinds = [isinstance(v, d.Parameter) for v in (p, x, y)]
    return [*kinds, isinstance(p, d.Variable), isinstance(y, d.Variable)]
