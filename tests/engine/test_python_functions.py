"""Functions written in Python: what their `backward` reads, writes into and returns.

Every kind of derivative goes by the same rules: `backward`, `backward(create_graph=True)`,
`gradients` with and without a graph, `grad`, `jacobian`.
"""

import gc
import threading
import warnings
import weakref

import numpy as np
import pytest

from fastgrad import (
    Function,
    Mul,
    Variable,
    checkpoint,
    debug,
    grad,
    gradients,
    hessian,
    jacobian,
    jvp,
    op,
    stop_gradient,
)

X = np.array([0.5, -1.0, 2.0])


def by_backward(f, *xs):
    """The gradients of the sum of `f`, by `backward`."""
    vs = [Variable(x) for x in xs]
    np.sum(f(*vs)).backward()
    return [v.grad for v in vs]


def by_recorded_backward(f, *xs):
    vs = [Variable(x) for x in xs]
    np.sum(f(*vs)).backward(create_graph=True)
    return [v.grad.data for v in vs]


def by_releasing_backward(f, *xs):
    vs = [Variable(x) for x in xs]
    np.sum(f(*vs)).backward(retain_graph=False)
    return [v.grad for v in vs]


def by_gradients(f, *xs):
    vs = [Variable(x) for x in xs]
    return gradients(np.sum(f(*vs)), vs)


def by_recorded_gradients(f, *xs):
    vs = [Variable(x) for x in xs]
    return [g.data for g in gradients(np.sum(f(*vs)), vs, create_graph=True)]


def by_grad(f, *xs):
    return grad(lambda *vs: np.sum(f(*vs)), tuple(range(len(xs))))(*xs)


def by_jacobian(f, *xs):
    blocks = jacobian(f, tuple(range(len(xs))))(*xs)
    return [
        np.sum(block, tuple(range(block.ndim - x.ndim)))
        for block, x in zip(blocks, xs, strict=True)
    ]


PLAIN = [by_backward, by_releasing_backward, by_gradients, by_grad, by_jacobian]
RECORDED = [by_recorded_backward, by_recorded_gradients]
BY = PLAIN + RECORDED


class Sin(Function):
    """README's: it reads its input."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * np.cos(x.data)


class RecordedSin(Sin):
    differentiable = True

    def backward(self, gy):
        (x,) = self.inputs
        return gy * np.cos(x)


class Exp(Function):
    """The seed's pattern: it reads its output."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        return gy * self.outputs[0]().data


class RecordedExp(Exp):
    differentiable = True

    def backward(self, gy):
        return gy * self.outputs[0]()


# --- what it reads: the output ---


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize(
    ("around", "derivative"),
    [
        (lambda x, exp: exp()(x) + x, lambda x: np.exp(x) + 1),
        (lambda x, exp: 2 * exp()(x), lambda x: 2 * np.exp(x)),
        (lambda x, exp: np.stack([exp()(x), x]), lambda x: np.exp(x) + 1),
        (lambda x, exp: exp()(x).reshape(-1, 1), np.exp),
        (lambda x, exp: exp()(exp()(x)) * 1, lambda x: np.exp(np.exp(x) + x)),
        (lambda x, exp: np.sum(exp()(x)), np.exp),
    ],
    ids=["add", "mul", "stack", "reshape", "chain", "sum"],
)
def test_an_output_that_a_compiled_operation_or_a_row_consumed_is_alive(by, around, derivative):
    exp = RecordedExp if by in RECORDED else Exp
    (gx,) = by(lambda x: around(x, exp), X)
    assert np.allclose(gx, derivative(X), rtol=1e-14)
    (gx,) = by(lambda x: around(x, exp), np.array(0.5))
    assert np.allclose(gx, derivative(0.5), rtol=1e-14)


def test_second_derivatives_by_way_of_the_output():
    assert np.allclose(hessian(lambda x: np.sum(RecordedExp()(x) * 1))(X), np.diag(np.exp(X)))


def test_an_output_that_nobody_consumed_still_dies():
    x = Variable(X)
    f = Exp()
    y = f(x)
    alive = weakref.ref(y)
    z = y * 2
    del y
    assert alive() is f.outputs[0]()  # by z
    del z
    assert alive() is None
    assert f.outputs[0]() is None


def test_a_consumer_makes_no_cycle():
    gc.collect()
    gc.disable()
    try:
        x = Variable(X)
        y = Exp()(x)
        data = weakref.ref(y.data)
        z = np.concatenate([y + 1, y]).sum()
        z.backward()
        del y, z
        assert data() is None
    finally:
        gc.enable()


def test_the_collector_frees_a_cycle_through_a_consumer():
    x = Variable(X)
    f = Exp()
    y = f(x)
    alive = weakref.ref(y)
    f.note = z = (y + 1) * 2  # f -> z -> y -> f
    del f, y, z
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize(
    "between",
    [lambda y: y, lambda y: y + 0.0, lambda y: np.concatenate([y, y])[:1]],
    ids=["Functions", "operations", "rows"],
)
def test_a_long_chain_dies_without_recursion(between):
    class Same(Function):
        def forward(self, x):
            return x * 1

    def build():
        y = Variable(np.zeros(1))
        for _ in range(100_000):
            y = between(Same()(y))
        return [y]

    threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: build().clear())
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)


# --- what it reads: data that were assigned since ---


def rebound(which, new):
    """Data in place of those of then."""
    for v in which:
        v.data = new


NEW = [np.full(3, 9.0), np.ones((2, 2)), np.array(7.0), np.ones(3, np.float32), None]


@pytest.mark.parametrize("new", NEW, ids=["values", "shape", "0-d", "dtype", "None"])
@pytest.mark.parametrize("cls", [Sin, RecordedSin, Exp, RecordedExp])
@pytest.mark.parametrize("interior", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_are_those_of_the_recorded_data(cls, interior, create_graph, new):
    if create_graph and not cls.differentiable:
        pytest.skip("not differentiable")
    leaf = Variable(X)
    x = leaf * 1 if interior else leaf
    y = cls()(x)
    z = np.sum(y * 3.0)
    rebound([x, y], new)
    expected = 3 * (np.cos(X) if issubclass(cls, Sin) else np.exp(X))
    for n in (1, 2):
        z.backward(create_graph=create_graph)
        gx = leaf.grad.data if create_graph else leaf.grad
        assert np.array_equal(gx, n * expected)
    assert x.data is new
    assert y.data is new
    assert y.creator.inputs[0] is x
    assert y.creator.outputs[0]() is y
    if create_graph:
        second = gradients(np.sum(leaf.grad), leaf)
        assert np.allclose(second, 2 * 3 * (-np.sin(X) if issubclass(cls, Sin) else np.exp(X)))


@pytest.mark.parametrize("cls", [Sin, Exp])
def test_numbers_too(cls):
    x = Variable(np.array(0.5))
    y = cls()(x)
    z = y * 1.0
    x.data = y.data = 100.0
    z.backward()
    assert x.grad == (np.cos(0.5) if cls is Sin else np.exp(0.5))


def test_classes_called_by_hand_differentiate_for_the_recorded_data():
    cube = op("cube", lambda x: x**3, vjp=lambda xp, g, y, x: 3 * x * x * g)
    for create_graph in (False, True):
        a, b = Variable(X), Variable(X + 1)
        z = np.sum(Mul()(a, b) + cube.Function()(a))
        a.data, b.data = np.zeros(3), np.zeros(3)
        z.backward(create_graph=create_graph)
        assert np.array_equal(stop_gradient(a.grad), X + 1 + 3 * X * X)
        assert np.array_equal(stop_gradient(b.grad), X)
    assert np.allclose(gradients(np.sum(a.grad), [a, b]), [6 * X, np.ones(3)])


def test_a_checkpoint_computes_again_with_the_recorded_data():
    for create_graph in (False, True):
        x = Variable(X)
        y = np.sum(checkpoint(lambda x: np.sin(x) ** 2)(x))
        x.data = np.zeros((4, 4))
        y.backward(create_graph=create_graph)
        gx = x.grad.data if create_graph else x.grad
        assert np.allclose(gx, np.sin(2 * X), rtol=1e-14)


def test_a_stand_in_is_like_the_variable_and_everybody_finds_the_same():
    class Special(Variable):
        pass

    seen = []

    class Look(Function):
        def forward(self, x, c):
            return np.sin(x)

        def backward(self, gy):
            threads = [threading.Thread(target=lambda: seen.append(self.inputs)) for _ in range(2)]
            for thread in threads:
                thread.start()
                thread.join()
            seen.append(self.inputs)
            return gy * np.cos(self.inputs[0].data), None

    x, c = Special(X, "x"), Variable(X)
    x.note = "kept"
    y = Look()(x, c)
    x.data = np.zeros(3)
    y.backward()
    assert np.array_equal(x.grad, np.cos(X))
    assert len({id(xs[0]) for xs in seen}) == 1
    stand_in = seen[0][0]
    assert stand_in is not x
    assert (type(stand_in), stand_in.name, stand_in.note) == (Special, "x", "kept")
    assert np.array_equal(stand_in.data, X)
    assert all(xs[1] is c for xs in seen)
    assert y.creator.inputs[0] is x


def test_what_backward_computes_with_a_stand_in_leads_to_the_variable():
    class Walk(Sin):
        def backward(self, gy):
            (x,) = self.inputs
            (gx,) = gradients(np.sum(np.sin(x)), [x])
            np.sum(x * 1000).backward()
            return gy * gx

    x = Variable(X)
    y = Walk()(x)
    x.data = np.zeros(3)
    y.backward()
    assert np.array_equal(x.grad, np.cos(X) + 1000)


def test_an_exception_leaves_the_variables_and_the_next_backward_right():
    fail = [True]

    class Fails(Sin):
        def backward(self, gy):
            gx = super().backward(gy)
            if fail[0]:
                raise KeyError("on purpose")
            return gx

    x = Variable(X)
    y = Fails()(x)
    x.data = new = np.zeros(3)
    with pytest.raises(KeyError):
        y.backward()
    assert x.grad is None
    assert x.data is new
    assert y.creator.inputs[0] is x
    fail[0] = False
    y.backward()
    assert np.array_equal(x.grad, np.cos(X))


def test_a_backward_within_a_backward_and_beside_it_in_threads():
    class Inner(Sin):
        def backward(self, gy):
            if depth and not depth.pop():
                np.sum(y).backward()
            assert np.array_equal(self.inputs[0].data, X)
            return super().backward(gy)

    depth = [0]
    x = Variable(X)
    y = Inner()(x)
    x.data = np.zeros(3)
    y.backward()
    assert np.array_equal(x.grad, 2 * np.cos(X))

    x.cleargrad()
    depth.clear()
    errors = []

    def walk():
        try:
            for _ in range(50):
                y.backward()
                x.data = np.zeros(3)
        except Exception as e:  # noqa: BLE001
            errors.append(e)

    threads = [threading.Thread(target=walk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert np.allclose(x.grad, 200 * np.cos(X), rtol=1e-12)


def test_debug_finds_what_was_written_into_and_nothing_that_was_assigned():
    with debug():
        x = Variable(X.copy())
        y = Sin()(x)
        x.data = x.data + 1
        y.backward()
        assert np.array_equal(x.grad, np.cos(X))
        y = Sin()(x)
        x.data[0] = 7
        with pytest.raises(RuntimeError, match=r"Sin: input 0, .* changed in place"):
            y.backward()
        x = Variable(X)
        y = Exp()(x)
        z = y * 2
        y.data[0] = 7
        with pytest.raises(RuntimeError, match=r"Exp: output 0, .* changed in place"):
            z.backward()


def test_inputs_assigned_by_hand_are_recorded_then():
    class ByHand(Sin):
        def __call__(self, x):
            y = Variable(self.forward(x.data))
            self.generation = x.generation
            y.set_creator(self)
            self.inputs, self.outputs = (x,), [weakref.ref(y)]
            return y

    x = Variable(X)
    y = ByHand()(x)
    z = y + 1
    x.data = np.zeros((2, 2))
    z.backward()
    assert np.array_equal(x.grad, np.cos(X))


def test_data_of_then_are_let_go_of_with_the_graph():
    x = Variable(X.copy())
    data = weakref.ref(x.data)
    y = Sin()(x)
    x.data = np.zeros(3)
    assert data() is not None
    y.backward(retain_graph=False)
    assert data() is None


# --- what it writes into ---


class Doubles(Function):
    """It writes into what it got."""

    def forward(self, *xs):
        return xs[0] * 2

    def backward(self, gy):
        gy *= 2
        return (gy, *[None] * (len(self.inputs) - 1))


class RecordedDoubles(Doubles):
    differentiable = True


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize(
    ("around", "expected"),
    [
        (lambda x, f: f(x) + x, 3),
        (lambda x, f: x + f(x), 3),
        (lambda x, f: f(x) + f(x), 4),
        (lambda x, f: f(f(x)) + f(x) + x, 7),
        (lambda x, f: np.sum(f(x)) + np.sum(x), 3),
        (lambda x, f: np.stack([f(x), x]), 3),
        (lambda x, f: (x + 1.0) * 1.0 + f(x * 1.0), 3),
        (lambda x, f: np.broadcast_to(f(x), (1, *x.shape)) + x, 3),
    ],
    ids=["f+x", "x+f", "f+f", "chain", "sums", "stack", "interior", "broadcast"],
)
def test_writing_into_the_gradient_changes_no_other(by, around, expected):
    def double(x):
        return (RecordedDoubles if by in RECORDED else Doubles)()(x)

    for x in (X, np.array(2.0), X.astype(np.float32), np.arange(6.0).reshape(2, 3).T, X + 1j):
        if x.dtype.kind == "c" and by is by_grad:
            continue
        (gx,) = by(lambda x: around(x, double), x)
        assert np.array_equal(gx, np.full(x.shape, expected))


@pytest.mark.parametrize("retain_graph", [True, False])
def test_writing_into_it_leaves_the_gradient_to_start_from(retain_graph):
    x = Variable(X)
    y = Doubles()(x)
    y.grad = start = np.ones(3)
    y.backward(retain_grad=True, retain_graph=retain_graph)
    assert np.array_equal(start, np.ones(3))
    assert np.array_equal(y.grad, np.ones(3))
    assert np.array_equal(x.grad, np.full(3, 2))
    start = np.ones(3)
    assert np.array_equal(gradients(Doubles()(x), x, start), np.full(3, 2))
    assert np.array_equal(start, np.ones(3))


def test_writing_into_one_of_several():
    class Both(Function):
        def forward(self, x):
            return x * 1, x * 1

        def backward(self, g0, g1):
            g0 *= 2
            return g0 + g1

    for by in PLAIN:
        (gx,) = by(lambda x: np.add(*Both()(x)), X)
        assert np.array_equal(gx, np.full(3, 3))


def writes(xp, g, y, a, b):
    g *= 2
    return g


@pytest.mark.parametrize("by", BY)
def test_rules_may_write_into_it_too(by):
    f = op("f", lambda a, b: a + b, vjp=(writes, lambda xp, g, y, a, b: g))
    g = op("g", np.add, vjp=(writes, lambda xp, g, y, a, b: g), implements=())
    for h in (f, g):
        gx, gw = by(lambda x, w, h=h: h(x, w) + x + w, X, X)
        assert np.array_equal(gx, np.full(3, 3))
        assert np.array_equal(gw, np.full(3, 2))
        rows = jacobian(lambda x, h=h: np.sum(h(x, x) + x, 0))(np.ones((2, 20)))
        assert np.array_equal(rows, 4 * np.eye(20)[:, None, :] * np.ones((1, 2, 1)))


def test_under_create_graph_a_gradient_is_not_to_be_written_into_or_assigned():
    class Writes(RecordedDoubles):
        def backward(self, gy):
            gy.data *= 2
            return gy

    class Assigns(RecordedDoubles):
        def backward(self, gy):
            gy.data = gy.data * 2
            return gy

    x = Variable(X)
    with pytest.raises(ValueError, match="read-only"):
        Writes()(x).backward(create_graph=True)
    with pytest.raises(RuntimeError, match="Assigns: backward assigned the data of a gradient"):
        Assigns()(x).backward(create_graph=True)
    assert x.grad is None
    y = x + Writes()(x)  # of its own, where nothing is recorded
    y.backward()
    assert np.array_equal(x.grad, np.full(3, 3))


# --- what it returns ---


def returning(returned, n=1, differentiable=False, shape=(3,)):
    """A Function of `n` inputs whose backward returns that."""
    members = {
        "forward": lambda self, *xs: np.zeros(shape) + sum(xs),
        "backward": lambda self, gy: returned(gy) if callable(returned) else returned,
        "differentiable": differentiable,
    }
    return type("F", (Function,), members)


WRONG = [
    (1, np.ones((2, 3)), ValueError, "F: gradient for input 0 has shape (2, 3), expected (3,)"),
    (1, np.ones(2), ValueError, "F: gradient for input 0 has shape (2,), expected (3,)"),
    (1, 1.0, ValueError, "F: gradient for input 0 has shape (), expected (3,)"),
    (1, "3.5", TypeError, "F: gradient for input 0 is a str, expected an ndarray, a scalar"),
    (1, {}, TypeError, "F: gradient for input 0 is a dict, expected an ndarray, a scalar or None"),
    (1, np.array(["a"] * 3), TypeError, "F: gradient for input 0 is a ndarray, expected"),
    (1, Variable(np.ones((2, 3))), ValueError, "F: gradient for input 0 has shape (2, 3)"),
    (2, (np.ones(3), np.ones(4)), ValueError, "F: gradient for input 1 has shape (4,), expected"),
    (2, [np.ones(3), "x"], TypeError, "F: gradient for input 1 is a str, expected an ndarray"),
    (2, np.ones(3), ValueError, "F: backward returned 1 gradient, expected 2: there is none for "
     "input 1"),
    (2, (), ValueError, "F: backward returned 0 gradients, expected 2: there is none for input 0"),
    (1, (np.ones(3),) * 2, ValueError, "F: backward returned 2 gradients, expected 1"),
    (2, [np.ones(3)] * 3, ValueError, "F: backward returned 3 gradients, expected 2"),
]  # fmt: skip


def as_variable(gy, value):
    """A Variable with a graph that leads to `gy`, where that can be."""
    if isinstance(value, (tuple, list)):
        return type(value)(as_variable(gy, v) for v in value)
    if isinstance(value, (float, np.ndarray)) and getattr(value, "dtype", X.dtype).kind == "f":
        return np.sum(gy) * 0 + value
    return value


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("differentiable", [False, True])
@pytest.mark.parametrize(("n", "returned", "error", "text"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_result_is_the_same_error_everywhere(by, differentiable, n, returned, error, text):
    if by in RECORDED:
        if not differentiable:
            pytest.skip("not differentiable")
        f = returning(lambda gy: as_variable(gy, returned), n, True)
    else:
        f = returning(returned, n, differentiable)
    with pytest.raises(error) as raised:
        by(lambda *xs: f()(*xs) * 1, *[X] * n)
    assert text in str(raised.value)


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_counts_as_a_tuple(by, kind):
    f = returning(lambda gy: kind([2 * gy, 3 * gy]), 2, by in RECORDED)
    gx, gw = by(lambda x, w: f()(x, w), X, X)
    assert np.array_equal(gx, np.full(3, 2))
    assert np.array_equal(gw, np.full(3, 3))
    f = returning(lambda gy: kind([2 * gy]), 1, by in RECORDED)
    assert np.array_equal(by(lambda x: f()(x), X)[0], np.full(3, 2))


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    "labels",
    [
        np.array([1, 0, 2]),
        np.array([True, False, True]),
        np.array([1, 0, 2], np.uint8),
        2,
        1.5,
        X,
        Variable(np.array([1, 0, 2])),
        Variable(np.array([True, False, True])),
        Variable(X, requires_grad=False),
    ],
    ids=lambda x: f"{type(x).__name__} {np.asarray(getattr(x, 'data', x)).dtype}",
)
def test_trailing_inputs_that_need_no_gradient_or_hold_integers_are_excused(by, labels, whole):
    # A captured Variable has the derivative recorded, see test_captured.py.
    recorded = by in RECORDED or (by is by_jacobian and getattr(labels, "requires_grad", False))
    f = returning((lambda gy: (2 * gy,)) if whole else (lambda gy: 2 * gy), 3, recorded)
    (gx,) = by(lambda x: f()(x, labels, labels), X)
    assert np.array_equal(gx, np.full(3, 2))


def test_integers_in_front_and_floats_behind_are_not_excused():
    f = returning(lambda gy: 2 * gy, 3)
    y = f()(Variable(X), Variable(np.arange(3)), Variable(X))
    with pytest.raises(ValueError, match="expected 3: there is none for input 2"):
        y.backward()


# --- differentiable, with an array kept on self ---


class KeepsInput(Function):
    differentiable = True

    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, gy):
        return 2 * self.x * gy


class KeepsOutput(KeepsInput):
    def forward(self, x):
        self.saved = (3, np.exp(x))
        return self.saved[1]

    def backward(self, gy):
        return self.saved[1] * gy


class KeepsView(KeepsInput):
    def forward(self, x):
        self.x = x.reshape(-1)
        return x**2


@pytest.mark.parametrize("cls", [KeepsInput, KeepsOutput, KeepsView])
@pytest.mark.parametrize("x", [X, np.array(2.0)], ids=["array", "number"])
def test_a_constant_that_is_the_input_or_the_output_is_a_warning(cls, x):
    if x.ndim == 0 and cls is KeepsView:
        pytest.skip("of another shape")
    with pytest.warns(UserWarning, match=f"{cls.__name__}: its attribute .* holds the array of"):
        grad(lambda x: np.sum(grad(lambda x: np.sum(cls()(x)))(x)))(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grad(lambda x: np.sum(cls()(x)))(x)  # once, it is right


def test_other_attributes_are_no_warning():
    class Keeps(RecordedSin):
        def __init__(self):
            self.weights, self.axis = np.ones(3), -1

        def forward(self, x):
            self.shape, self.mask = x.shape, x > 0
            return np.sin(x)

    assert np.allclose(hessian(lambda x: np.sum(Keeps()(x)))(X), np.diag(-np.sin(X)))
    assert np.allclose(jvp(lambda x: Keeps()(x), (X,), (X,))[1], np.cos(X) * X)


@pytest.mark.parametrize(
    "f", [np.sin, np.arctan, lambda x: x * x, lambda x: np.sum(x, 0)], ids=["1", "row", "2", "axis"]
)
def test_inputs_of_an_operation_assigned_by_hand(f):
    x, other = Variable(X), Variable(X + 1)
    y = f(x)
    y.creator.inputs = tuple(other for _ in y.creator.inputs)
    y.creator.note = y  # so that the collector follows it
    z = np.sum(y * 1.0)
    other.data = np.zeros(3)
    try:
        z.backward()
    except (AttributeError, TypeError):  # of a row, which saved more than its inputs
        assert other.grad is None
    gc.collect()
    assert y.creator.inputs[0] is other
