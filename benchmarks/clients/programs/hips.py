"""The workloads of autograd's own asv suite, written anew: tapes, products, a network, flattening.

Each public function without parameters is a task; what it returns is compared.
"""

import autograd.numpy as np
from autograd import grad, make_vjp
from autograd.extend import vspace
from autograd.misc.flatten import flatten

RNG = np.random.RandomState(0)
X = np.array([[1.0, 2.0, 3.0]])
HIGH = RNG.randn(2, 3, 4, 5), RNG.randn(2, 3, 5, 4), RNG.randn(2, 3, 4, 2, 3, 4)
PAIR = RNG.randn(2, 3, 5, 4), RNG.randn(5, 4, 2, 3), RNG.randn(2, 3, 2, 3)


def _square(x):
    return x**2


def _sines(x):
    for _ in range(50):
        x = np.sin(x)
    return x


def _fan(x):
    for _ in range(10**4):
        x = (x + x) / 2.0
    return np.sum(x)


PULLS = {f: make_vjp(f)(2.0)[0] for f in (_square, _sines, _fan)}


def square_alone():
    return _square(2.0)


def square_recorded():
    return make_vjp(_square)(2.0)[1]


def square_pulled_back():
    return PULLS[_square](1.0)


def square_gradient():
    return grad(_square)(2.0)


def fifty_sines_alone():
    return _sines(2.0)


def fifty_sines_recorded():
    return make_vjp(_sines)(2.0)[1]


def fifty_sines_pulled_back():
    return PULLS[_sines](1.0)


def fifty_sines_gradient():
    return grad(_sines)(2.0)


def fan_recorded():
    return make_vjp(_fan)(2.0)[1]


def fan_pulled_back():
    return PULLS[_fan](1.0)


def fan_gradient():
    return grad(_fan)(2.0)


def space_of_a_number():
    return vspace(1.0).size


def space_of_an_array():
    return vspace(X).size


def exp_of_a_number():
    return np.exp(2.0)


def exp_of_boxes():
    """A hundred, in one function that is differentiated."""

    def f(x):
        for _ in range(100):
            y = np.exp(x)
        return y

    return make_vjp(f)(2.0)[1]


def _pull(f, i):
    """The VJP of `f` for its operand i, as a function of both operands and of the gradient."""
    return lambda a, b, g: make_vjp(f, argnum=i)(a, b)[0](g)


def _pull_once(f, i, operands):
    """The same of these operands."""
    return lambda: _pull(f, i)(*operands)


def _pull_again(f, i, j, operands):
    """The VJP of that, for its operand j, of a gradient like what it returns."""
    return lambda: make_vjp(_pull(f, i), argnum=j)(*operands)[0](operands[i])


def _double(a, b):
    return np.tensordot(a, b, 2)


for _name, _f, _operands in (("dot", np.dot, HIGH), ("tensordot", _double, PAIR)):
    for _i in range(2):
        globals()[f"{_name}_{_i}"] = _pull_once(_f, _i, _operands)
        for _j in range(3):
            globals()[f"{_name}_{_i}_{_j}"] = _pull_again(_f, _i, _j, _operands)


def _network(width):
    """Fifty steps of a recurrent network in float32 on sixteen rows, and its loss."""
    rng = np.random.RandomState(1)
    W, b = 0.01 * rng.randn(width, width), 0.01 * rng.randn(width)
    V, c = 0.01 * rng.randn(width, 1), 0.01 * rng.randn(1)
    x, labels = 0.01 * rng.randn(16, width), rng.rand(16, 1) > 0.5
    params = tuple(p.astype("float32") for p in (W, b, V, c))
    x, labels = x.astype("float32"), labels.astype("float32")

    def loss(params):
        W, b, V, c = params
        h = x
        for _ in range(50):
            h = np.tanh(np.dot(h, W) + b)
        logits = np.dot(h, V) + c
        return -np.sum(labels * logits - (logits + np.log(1 + np.exp(-logits))))

    return grad(loss), params


NETWORK = _network(1024)


def recurrent_network():
    f, params = NETWORK
    return [np.sum(g) for g in f(params)]


VALUES = {"k": RNG.rand(4, 4), "k2": RNG.rand(3, 3), "k3": 3.0, "k4": [1.0, 4.0, 7.0, 9.0],
          "k5": np.array([4.0, 5.0, 6.0]), "k6": np.array([[7.0, 8.0], [9.0, 10.0]])}  # fmt: skip


def flattened():
    vector, unflatten = flatten(VALUES)
    return flatten(unflatten(vector))[0]


def flattened_gradient():
    vector, unflatten = flatten(VALUES)

    def f(vector):
        values = unflatten(vector)
        return np.sum(values["k5"]) + np.sum(values["k6"])

    return grad(f)(vector)
