"""`fastgrad.compat.dezero` by itself: what the book and its library rely on."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest
from steps import SIMPLE, STEPS, functions

import fastgrad
from fastgrad.compat import dezero
from fastgrad.compat.dezero import Function, Parameter, Variable, core, core_simple

# --- the book's programs, with the numbers that DeZero 0.0.13 prints ---

NEWTON = [2.0, 1.4545454545454546, 1.1510467893775467, 1.0253259289766978, 1.0009084519430513,
          1.0000012353089454, 1.000000000002289, 1.0, 1.0, 1.0]  # fmt: skip
SINE = [
    [-0.6569865987187891, 0.35078322768961984, 0.0, -0.35078322768961984, 0.6569865987187891],
    [0.7539022543433046, -0.9364566872907963, 1.0, -0.9364566872907963, 0.7539022543433046],
]
PRINTED = {
    "21": [5.0, 5.0, 7.0, [4.0]],
    "22": [-2.0, 0.0, 1.0, 1.5, 2.0, 8.0, 12.0],
    "23": ["variable(16.0)", 8.0],
    "24": [2.0, 2.0, 0.040000000000000036, 0.040000000000000036, -5376.0, 8064.0],
    "26": [["Add"] * 10 + ["Mul"] * 17 + ["Pow"] * 6 + ["Sub"] * 5, ["x", "y", "z"]],
    "27": [3, 0.7071064695751781, 0.7071032148228457, 46, 0.7071067811865475, 0.7071067811865475],
    "28": [
        0.0, 2.0, -2.0, 400.0,
        0.44079310506205366, 0.1915160640243098, -0.6278115142671898, -0.5564994891873787,
        0.5929603718227042, 0.3495919291989509, -0.33732171920024534, -0.4020146706337546,
        0.6834917840420289, 0.46565059996514135, -0.22007287180278878, -0.3020837775628338,
    ],
    "29": NEWTON,
    "33": NEWTON,
    "34": [*SINE, *(-np.array(SINE)).tolist()],
    "35": ["gx5", True, True, True, -5.556893558473722],
    "36": [100.0],
    "37": [[[11.0, 22.0, 33.0], [44.0, 55.0, 66.0]], *[[[1.0] * 3] * 2] * 3],
    "44": [True, False, False, True, True],
}  # fmt: skip


def close(found, expected):
    """Nested lists, equal but for the last bits, which differ from processor to processor."""
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    if isinstance(expected, float):
        return found == pytest.approx(expected, rel=1e-12, abs=1e-300)
    return found == expected


@pytest.mark.parametrize("number", STEPS)
def test_a_step_of_the_book(number):
    assert close(STEPS[number](core), PRINTED[number])


@pytest.mark.parametrize("number", SIMPLE)
def test_a_step_of_the_book_on_the_simple_core(number):
    assert close(SIMPLE[number](core_simple), PRINTED[number])


# --- gradients ---


def test_gradients_are_variables():
    x = Variable(np.array([1.0, 2.0]))
    (x * x).backward()
    gx = x.grad
    assert type(gx) is Variable
    assert x.grad is gx
    gx.name = "gx"
    gx.data *= 2
    assert (x.grad.name, x.grad.data.tolist()) == ("gx", [4.0, 8.0])
    assert gx.creator is None
    (x * 3).backward()
    assert x.grad is not gx
    assert gx.data.tolist() == [4.0, 8.0]  # as in the book, a sum is a new Variable
    assert x.grad.data.tolist() == [7.0, 11.0]
    x.cleargrad()
    assert x.grad is None


def test_the_gradient_to_start_from_is_a_variable():
    for gy in (Variable(np.array([1.0, 10.0])), np.array([1.0, 10.0])):
        x = Variable(np.array([1.0, 2.0]))
        y = x * x
        y.grad = gy
        y.backward(retain_grad=True)
        assert x.grad.data.tolist() == [2.0, 40.0]
        assert type(y.grad) is Variable
        assert y.grad.data.tolist() == [1.0, 10.0]


def test_a_gradient_can_be_computed_with():
    """Of a backward without a graph, too: then it is a leaf, that gets a gradient."""
    x = Variable(np.array(3.0))
    (x * x).backward()
    gx = x.grad
    (gx * gx * 2).backward()
    assert gx.grad.data == 24.0


def test_interior_gradients():
    x = Variable(np.array(3.0))
    y = x * x
    z = y * 2
    z.backward()
    assert (y.grad, z.grad) == (None, None)
    x.cleargrad()
    z.backward(retain_grad=True)
    assert (y.grad.data, z.grad.data, x.grad.data) == (2.0, 1.0, 12.0)
    assert z.creator.inputs[0].grad.data == 2.0


def test_a_leaf():
    x = Variable(np.ones(2))
    x.backward()
    assert x.grad.data.tolist() == [1.0, 1.0]


# --- what is alive ---


def test_what_was_computed_stays_with_its_consumer():
    x = Variable(np.array([1.0, 2.0]))
    z = (x * 2 + 1) * x
    y = z.creator.inputs[0]
    assert y.data.tolist() == [3.0, 5.0]
    assert y.creator.inputs[0].data.tolist() == [2.0, 4.0]
    assert y.creator.outputs[0]() is y
    made = weakref.ref(y.creator.inputs[0])
    del y
    assert made().data.tolist() == [2.0, 4.0]
    del z
    assert made() is None


def test_only_of_these():
    """Those of fastgrad itself, in the same process, die as always."""
    assert fastgrad.Config.keep_variables is False
    x = fastgrad.Variable(np.array([1.0, 2.0]))
    y = x + 1
    made = weakref.ref(y)
    z = y + 2
    del y
    assert made() is None
    assert type(z) is fastgrad.Variable


def test_outputs_are_alive_in_backward():
    seen = []

    class Exp(Function):
        def forward(self, x):
            return np.exp(x)

        def backward(self, gy):
            y = self.outputs[0]()
            seen.append(type(y))
            return gy * y

    class Layer:
        """Remembers what it made weakly, as the library's do."""

        def __call__(self, x):
            y = Exp()(x)
            self.output = weakref.ref(y)
            return y

    layer, x = Layer(), Variable(np.array(1.0))
    y = layer(x) * 2
    assert layer.output().data == np.exp(1.0)
    y.backward()
    assert x.grad.data == 2 * np.exp(1.0)
    assert seen == [Variable]


def test_unchain():
    x = Variable(np.array(3.0))
    h = x * x
    loss = h * 2
    loss.backward()
    loss.unchain_backward()
    assert (h.creator, x.grad.data) == (None, 12.0)
    assert loss.creator is not None
    loss.unchain()
    assert loss.creator is None


def test_graphs_are_freed_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        x = Variable(np.ones(3))
        y = (x * 2).sum()
        y.backward()
        ends = [weakref.ref(y), weakref.ref(y.creator)]
        del y
        assert [end() for end in ends] == [None, None]
    finally:
        gc.enable()


# --- Functions ---


def test_operands_are_made_variables():
    class Sum(Function):
        def forward(self, x, w, b):
            seen.append((type(x), type(w), b))
            return x + w

        def backward(self, gy):
            x, w, b = self.inputs
            assert (type(x), type(w), type(b), b.data) == (Variable, Parameter, Variable, None)
            return gy, gy, None

    seen, w = [], Parameter(np.ones(2))
    y = Sum()(np.ones(2), w, None)
    y.backward()
    assert seen == [(np.ndarray, np.ndarray, None)]
    assert w.grad.data.tolist() == [1.0, 1.0]
    assert isinstance(y.creator.inputs, (tuple, list))
    assert y.creator.inputs[0].data.tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="<class 'float'> is not supported"):
        Sum()(1.0, w, None)


def test_operands_of_which_none_is_a_variable():
    Sin, *_ = functions(dezero)
    y = Sin()(np.array(0.0))
    assert type(y) is Variable
    y.backward()
    assert y.creator.inputs[0].grad.data == 1.0


def test_gradients_that_are_left_out_are_none():
    class Scaled(Function):
        def forward(self, x, scale, shift):
            return x * scale + shift

        def backward(self, gy):
            return gy * self.inputs[1]

    x, scale, shift = (Variable(np.array(v)) for v in (1.0, 2.0, 3.0))
    Scaled()(x, scale, shift).backward()
    assert (x.grad.data, scale.grad, shift.grad) == (2.0, None, None)

    class Many(Scaled):
        def backward(self, gy):
            return gy, gy, gy, gy

    with pytest.raises(ValueError, match="Many: backward returned 4 gradients, expected 3"):
        Many()(x, scale, shift).backward()

    class Own(fastgrad.Function):
        forward, backward = Scaled.forward, Scaled.backward

    with pytest.raises(ValueError, match="there is none for input 1"):
        Own()(x, scale, shift).backward()


def test_several_outputs():
    class Split(Function):
        def forward(self, x):
            return x[:1], x[1:]

        def backward(self, g0, g1):
            return Variable(np.concatenate([g.data for g in (g0, g1)]))

    x = Variable(np.array([1.0, 2.0, 3.0]))
    first, rest = Split()(x)
    (first.sum() * rest.sum()).backward()
    assert x.grad.data.tolist() == [5.0, 1.0, 1.0]


def test_a_backward_in_numpys_functions():
    """Variables are NumPy's, in the middle of a backward too."""

    class Square(Function):
        def forward(self, x):
            return x**2

        def backward(self, gy):
            return np.multiply(gy, 2 * self.inputs[0])

    x = Variable(np.array(3.0))
    Square()(x).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert (gx.data, x.grad.data) == (6.0, 2.0)


NAMES = """Add add Mul mul Neg neg Sub sub rsub Div div rdiv Pow pow Variable Parameter Function
as_variable as_array Config test_mode using_config no_grad setup_variable""".split()


def test_names():
    assert set(NAMES) == set(core.__all__) == set(dezero.__all__)
    assert set(core_simple.__all__) == set(NAMES) - {"Parameter", "test_mode"}
    for module in (core, dezero, core_simple):
        assert all(hasattr(module, name) for name in module.__all__)


def test_functions_and_classes_of_operators():
    x, y = Variable(np.array(3.0)), Variable(np.array(2.0))
    for name, expected in {
        "add": 5.0, "mul": 6.0, "sub": 1.0, "rsub": -1.0, "div": 1.5, "rdiv": 2 / 3,
    }.items():  # fmt: skip
        z = getattr(dezero, name)(x, y)
        assert (type(z), z.data) == (Variable, expected)
    assert (dezero.neg(x).data, dezero.pow(x, 2).data) == (-3.0, 9.0)
    for cls in (dezero.Add, dezero.Mul, dezero.Sub, dezero.Div):
        z = cls()(x, y)
        assert type(z.creator) is cls
        assert type(z) is Variable
    assert type((x**2).creator) is type(dezero.Pow(2)(x).creator) is dezero.Pow
    assert len((x**2).creator.inputs) == 1
    assert type((-x).creator) is dezero.Neg
    assert dezero.setup_variable() is None


# --- Variables ---


def test_methods_have_dezeros_signatures():
    x = Variable(np.arange(6.0).reshape(2, 3))
    assert x.sum(0, True).shape == (1, 3)
    assert x.max(1, True).data.tolist() == [[2.0], [5.0]]
    assert x.min(keepdims=True, axis=0).data.tolist() == [[0.0, 1.0, 2.0]]
    assert x.sum().data == 15.0
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == x.reshape([3, 2]).shape == (3, 2)
    assert x.T.shape == x.transpose().shape == x.transpose(1, 0).shape == (3, 2)
    assert x.transpose((1, 0)).shape == (3, 2)
    assert x.dot(x.T).shape == x.matmaul(x.T).shape == (2, 2)
    assert x.to_cpu() is None
    with pytest.raises(RuntimeError, match="fastgrad computes on the CPU"):
        x.to_gpu()
    for y in (x.sum(), x.max(), x.T, x[0], x.reshape(6), x @ x.T, np.exp(x), 1 - x):
        assert type(y) is Variable
        assert y.creator is not None


def test_what_is_no_array_is_an_error():
    with pytest.raises(TypeError, match="<class 'float'> is not supported"):
        Variable(1.0)
    with pytest.raises(TypeError, match="<class 'list'> is not supported"):
        dezero.as_variable([1.0])
    x = Parameter(None, name="W")
    assert (x.data, x.name, repr(x)) == (None, "W", "variable(None)")
    x.data = np.ones(2)
    assert dezero.as_variable(x) is x
    assert dezero.as_array(np.float64(2)).shape == ()


def test_subclasses_patches_and_copies(monkeypatch):
    class Weight(Parameter):
        pass

    w = Weight(np.array(2.0))
    assert type(w * w) is Variable
    for v in (copy.copy(w), copy.deepcopy(w)):
        assert (type(v), v.data) == (Weight, 2.0)
    v = pickle.loads(pickle.dumps(Parameter(np.array(3.0), "p")))
    assert (type(v), v.name, v.data) == (Parameter, "p", 3.0)
    monkeypatch.setattr(Variable, "__add__", lambda x, y: "patched", raising=False)
    assert w + w == "patched"
    assert (fastgrad.Variable(np.array(1.0)) + 1).data == 2.0


def test_config():
    assert core.Config.train is True
    with dezero.test_mode():
        assert core.Config.train is False
        with dezero.using_config("train", 7):
            assert core.Config.train == 7
        assert core.Config.train is False
    assert core.Config.train is True
    assert not hasattr(fastgrad.Config, "train")
    x = Variable(np.array(3.0))
    with dezero.no_grad():
        assert core.Config.enable_backprop is fastgrad.Config.enable_backprop is False
        y = x * x
        assert (type(y), y.creator) == (Variable, None)
    with dezero.using_config("enable_backprop", False):
        assert core.Config.enable_backprop is False
    assert core.Config.enable_backprop is True
    with pytest.raises(AttributeError, match="nothing"), dezero.using_config("nothing", 1):
        pass
    core.Config.enable_backprop = False
    try:
        assert (x * x).creator is None
    finally:
        core.Config.enable_backprop = True
    assert (x * x).creator is not None


def test_simple_gradients_are_arrays():
    class Exp(core_simple.Function):
        def forward(self, x):
            return np.exp(x)

        def backward(self, gy):
            assert type(gy) is np.ndarray
            return gy * np.exp(self.inputs[0].data)

    x = core_simple.Variable(np.array([0.0]))
    Exp()(x).backward()
    assert type(x.grad) is np.ndarray
    assert Exp()(np.array([1.0])).creator.inputs[0].data.tolist() == [1.0]


# --- beside fastgrad's own, and compat.autograd ---


def test_in_fastgrads_transforms():
    """Functions of DeZero's kind, of the Variables that a transform makes."""
    Sin, Cos, Tanh = functions(dezero)

    def f(x):
        return (Sin()(x) * Tanh()(x) * x).sum()

    x = np.array([0.3, -1.2, 2.0])
    h = 1e-6

    def fine(x):
        return np.sin(x) * np.tanh(x) * x

    by_differences = (fine(x + h) - fine(x - h)) / (2 * h)
    assert np.allclose(fastgrad.grad(f)(x), by_differences, rtol=1e-8)
    by_differences = (fine(x + 1e-4) - 2 * fine(x) + fine(x - 1e-4)) / 1e-8
    hessian = fastgrad.hessian(f)(x)
    assert np.allclose(hessian, np.diag(by_differences), rtol=1e-5, atol=1e-6)
    assert np.allclose(fastgrad.jacobian(lambda x: Sin()(x))(x), np.diag(np.cos(x)))
    assert np.allclose(fastgrad.hvp(f)(x, np.ones(3)), by_differences, rtol=1e-5)
    value, gradient = fastgrad.value_and_grad(f)(x)
    assert (value, gradient.shape) == (pytest.approx(fine(x).sum()), (3,))


def test_with_variables_of_both_kinds():
    x, w = Variable(np.array(3.0)), fastgrad.Variable(np.array(2.0))
    y = w * x + w
    assert type(y) is Variable
    y.backward()
    assert type(x.grad) is Variable
    assert type(w.grad) is np.ndarray
    assert (x.grad.data, w.grad) == (2.0, 4.0)
    # A captured Variable of DeZero's in a transform, and a transform in a graph of DeZero's.
    assert fastgrad.grad(lambda w: w * x * w)(2.0) == 12.0
    x.cleargrad()
    z = fastgrad.grad(lambda w: w * w * x)(w) * x
    z.backward()
    assert x.grad.data == 2 * 2.0 * 2 * 3.0


def test_with_compat_autograd():
    autograd = pytest.importorskip("fastgrad.compat.autograd")
    np_ = autograd.numpy
    Sin, *_ = functions(dezero)
    f = autograd.grad(lambda x: np_.sum(Sin()(x) * np_.exp(x)))
    x = np.array([0.3, -1.2])
    assert np.allclose(f(x), (np.sin(x) + np.cos(x)) * np.exp(x))
    g = autograd.hessian(lambda x: np_.sum(Sin()(x) * x))
    assert np.allclose(g(x), np.diag(2 * np.cos(x) - x * np.sin(x)))
    v = Variable(x)
    np_.sum(np_.exp(v) * 2).backward()
    assert np.allclose(v.grad.data, 2 * np.exp(x))


def test_threads():
    """Each has graphs of its own; `no_grad` in one is nothing to the other."""
    wrong, barrier, shared = [], threading.Barrier(4), Variable(np.array(1.0))
    _, _, Tanh = functions(dezero)

    def work(i):
        x = Variable(np.array(0.5 + i))
        barrier.wait()
        for _ in range(50):
            with dezero.no_grad() if i % 2 else dezero.using_config("enable_backprop", True):
                y = Tanh()(x) * x
            if (y.creator is None) is not bool(i % 2):
                wrong.append("no_grad")
            z = Tanh()(x) ** 2 * 3
            x.cleargrad()
            z.backward(create_graph=True)
            gx = x.grad
            x.cleargrad()
            gx.backward()
            t = np.tanh(x.data)
            if not np.allclose(x.grad.data, 6 * (1 - t**2) * (1 - 3 * t**2)):
                wrong.append("gradient")
            (shared * 2).backward()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert shared.grad.data == 400.0
