"""Bad input: the exception that names what was wrong, and a state from which a user may retry."""

import operator
import re

import numpy as np
import pytest
from helpers import assert_same_bits

import fastgrad
from fastgrad import Function, Variable


class Interrupted(BaseException):
    """Stands for any exception that is no Exception."""


class Square(Function):
    """Squares; its backward misbehaves as the test asks."""

    def __init__(self, misbehave=None, in_forward=False):
        self.misbehave, self.in_forward = misbehave, in_forward

    def forward(self, x):
        if self.misbehave and self.in_forward:
            self.misbehave(x)
        return x**2

    def backward(self, gy):
        if self.misbehave:
            return self.misbehave(gy)
        return 2 * self.inputs[0].data * gy


def graph(f):
    """Built-in nodes around, beside, before and after `f`; leaves with gradients from before."""
    x, w = Variable(np.array([1.0, 2.0, 3.0])), Variable(np.array([4.0, 5.0, 6.0]))
    t = x * w
    u = f(t)
    y = u * x + w * w
    for v, g in ((x, 10.0), (w, 20.0), (t, 30.0), (u, 40.0)):
        v.grad = np.full(3, g)
    return y, (x, w, t, u)


def assert_as_before(y, variables):
    x, w, t, u = variables
    assert y.grad is None
    for v, g in ((x, 10.0), (w, 20.0), (t, 30.0), (u, 40.0)):
        assert_same_bits(v.grad, np.full(3, g))
    assert_same_bits(x.data, np.array([1.0, 2.0, 3.0]))
    assert y.creator is not None
    assert t.creator is not None


def assert_next_backward_is_right(y, variables):
    """d(x^3 w^2 + w^2): 3 x^2 w^2 and 2 x^3 w + 2 w, on top of what was there."""
    x, w, t, u = variables
    y.backward()
    assert_same_bits(x.grad, 10 + 3 * x.data**2 * w.data**2)
    assert_same_bits(w.grad, 20 + 2 * x.data**3 * w.data + 2 * w.data)
    assert (t.grad, u.grad, y.grad) == (None, None, None)


RETURNS = [
    ((np.ones(3), np.ones(3)), ValueError, "Square: backward returned 2 gradients, expected 1"),
    ((), ValueError, "Square: backward returned 0 gradients, expected 1"),
    (np.ones(2), ValueError, "Square: gradient for input 0 has shape (2,), expected (3,)"),
    (np.ones((3, 2)), ValueError, "Square: gradient for input 0 has shape (3, 2), expected (3,)"),
    (np.ones((2, 3)), ValueError, "Square: gradient for input 0 has shape (2, 3), expected (3,)"),
    ("x", TypeError, "Square: gradient for input 0 is a str, expected an ndarray, a scalar"),
    ([1.0, 2.0, 3.0], ValueError, "Square: backward returned 3 gradients, expected 1"),
    (([1.0],), TypeError, "Square: gradient for input 0 is a list, expected an ndarray"),
    ({}, TypeError, "Square: gradient for input 0 is a dict, expected an ndarray, a scalar"),
    ((b"",), TypeError, "Square: gradient for input 0 is a bytes, expected an ndarray, a scalar"),
]


@pytest.mark.parametrize(("returned", "error", "text"), RETURNS)
def test_wrong_return_of_backward_names_function_input_expected_and_actual(returned, error, text):
    f = Square(lambda gy: returned)
    y, variables = graph(f)
    for _ in range(2):
        with pytest.raises(error) as raised:
            y.backward()
        assert text in str(raised.value)
        assert_as_before(y, variables)
    f.misbehave = None
    assert_next_backward_is_right(y, variables)


@pytest.mark.parametrize("returned", [1.0, (1.0,), (1.0, 1.0, 1.0)])
def test_too_few_and_too_many_gradients_for_two_inputs(returned):
    class Pair(Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return returned

    y = Pair()(Variable(np.array(1.0)), Variable(np.array(1.0)))
    with pytest.raises(ValueError) as raised:
        y.backward()
    n = len(returned) if isinstance(returned, tuple) else 1
    wrong = f"Pair: backward returned {n} gradients?, expected 2"
    if n < 2:
        wrong += ": there is none for input 1"
    assert re.fullmatch(wrong, str(raised.value))


def test_the_index_of_the_wrong_input_is_named():
    class Three(Function):
        def forward(self, x0, x1, x2):
            return x0 + x1 + x2

        def backward(self, gy):
            return gy, gy, np.ones(5)

    xs = [Variable(np.ones(2)) for _ in range(3)]
    y = Three()(*xs)
    with pytest.raises(ValueError) as raised:
        y.backward()
    assert str(raised.value) == "Three: gradient for input 2 has shape (5,), expected (2,)"
    assert [x.grad for x in xs] == [None] * 3


ERRORS = [ValueError, ZeroDivisionError, KeyboardInterrupt, Interrupted, SystemExit, StopIteration]


@pytest.mark.parametrize("error", ERRORS)
def test_exception_inside_backward_leaves_everything_as_before(error):
    def misbehave(gy):
        raise error("inside")

    f = Square(misbehave)
    y, variables = graph(f)
    for _ in range(2):
        with pytest.raises(error, match="inside"):
            y.backward(retain_grad=True)
        assert_as_before(y, variables)
    f.misbehave = None
    assert_next_backward_is_right(y, variables)


def test_exception_inside_backward_with_a_starting_gradient_keeps_it():
    f = Square(lambda gy: 1 / 0)
    y, variables = graph(f)
    y.grad = start = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert_same_bits(y.grad, start)
    assert np.array_equal(start, [1, 2, 3])


@pytest.mark.parametrize("error", ERRORS)
def test_exception_inside_forward_records_nothing_and_may_be_retried(error):
    def misbehave(x):
        raise error("inside")

    f = Square(misbehave, in_forward=True)
    x = Variable(np.array([3.0]))
    with pytest.raises(error, match="inside"):
        f(x)
    assert (x.grad, x.creator, x.generation) == (None, None, 0)
    assert not hasattr(f, "outputs")
    f.misbehave = None
    f(x).backward()
    assert x.grad == 6.0


def test_exception_inside_a_backward_that_spends_the_graph_leaves_gradients_as_before():
    f = Square(lambda gy: 1 / 0)
    y, (x, w, t, u) = graph(f)
    with pytest.raises(ZeroDivisionError):
        y.backward(retain_graph=False)
    assert_same_bits(x.grad, np.full(3, 10.0))
    assert_same_bits(w.grad, np.full(3, 20.0))


def test_ctrl_c_at_any_moment_leaves_a_state_to_retry_from(run_child):
    """Wherever the signal comes: no backward has happened by halves."""
    code = """
        import signal
        import numpy as np
        from fastgrad import Function, Variable

        class Same(Function):
            def forward(self, x):
                return x + 0
            def backward(self, gy):
                return gy

        x, w = Variable(np.array(1.0)), Variable(np.array(1.0))
        y = x
        for i in range(20_000):
            y = y * w + x if i % 10 else Same()(y)
        y.backward()
        gx, gw = float(x.grad), float(w.grad)

        signal.signal(signal.SIGALRM, signal.default_int_handler)
        for i in range(40):
            x.cleargrad(), w.cleargrad()
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 * (i + 1))
                while True:
                    y.backward()
            except KeyboardInterrupt:
                runs = 0.0 if x.grad is None else x.grad / gx
            assert runs == round(float(runs))
            assert w.grad is None if runs == 0 else w.grad == runs * gw
            x.cleargrad(), w.cleargrad()
            y.backward()
            assert (x.grad, w.grad) == (gx, gw)
        print("done")
    """
    assert run_child(code) == "done\n"


# --- operands ---

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("f", OPERATORS)
@pytest.mark.parametrize("operand", ["text", None, {}, {1.0}, object(), Function()])
def test_operators_refuse_an_operand_they_do_not_know(f, operand):
    x = Variable(np.array([1.0]))
    for a, b in ((x, operand), (operand, x)):
        with pytest.raises(TypeError):
            f(a, b)
    assert x.__add__(operand) is NotImplemented


def test_an_operand_with_reflected_operators_gets_its_turn():
    class Other:
        def __radd__(self, other):
            return "radd"

        def __rmatmul__(self, other):
            return "rmatmul"

    x = Variable(np.array([1.0]))
    assert (x + Other(), x @ Other()) == ("radd", "rmatmul")


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "matmul"])
@pytest.mark.parametrize("operand", ["text", None, object()])
def test_functions_refuse_an_operand_they_do_not_know(name, operand):
    f, x = getattr(fastgrad, name), Variable(np.array([1.0]))
    for operands in ((x, operand), (operand, x), (x,), (x, x, x), ()):
        with pytest.raises(TypeError):
            f(*operands)


@pytest.mark.parametrize(("operand", "index"), [([1.0], 1), ("text", 0), (None, 1), ({}, 0)])
def test_python_function_refuses_an_operand_naming_itself_and_the_index(operand, index):
    class Pair(Function):
        def forward(self, x0, x1):
            return x0 + x1

    operands = [Variable(np.array(1.0))] * 2
    operands[index] = operand
    with pytest.raises(TypeError) as raised:
        Pair()(*operands)
    for part in ("Pair", str(index), type(operand).__name__):
        assert part in str(raised.value)


@pytest.mark.parametrize("returned", [[1.0, 2.0], (np.ones(2), {}), {}])
def test_python_forward_that_returns_no_array_is_a_type_error(lib, returned):
    class Bad(lib.Function):
        def forward(self, x):
            return returned

    with pytest.raises(TypeError):
        Bad()(lib.Variable(np.array(1.0)))


def test_calling_a_python_function_without_operands_raises(lib):
    class Nothing(lib.Function):
        def forward(self):
            return np.array(1.0)

    with pytest.raises((TypeError, ValueError)):
        Nothing()()


@pytest.mark.parametrize("f", [*OPERATORS, operator.matmul])
def test_variable_without_data_in_arithmetic_is_a_type_error_that_says_so(f):
    x, none = Variable(np.array([1.0])), Variable(None)
    pairs = [(x, none), (none, x), (none, none), (none, np.ones(1)), (np.ones(1), none)]
    if f is not operator.matmul:
        pairs += [(none, 2.0), (2.0, none)]
    for a, b in pairs:
        with pytest.raises(TypeError, match="None"):
            f(a, b)
    for g in (operator.neg, abs, Variable.backward):
        with pytest.raises(TypeError, match="None"):
            g(none)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "matmul"])
def test_variable_without_data_is_named_by_operation_and_operand(name):
    f, x, none = getattr(fastgrad, name), Variable(np.array([1.0])), Variable(None)
    for operands, i in (((x, none), 1), ((none, x), 0), ((none, none), 0)):
        with pytest.raises(TypeError, match=rf"^{name}: operand {i}\b"):
            f(*operands)


@pytest.mark.parametrize("f", OPERATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int64"])
def test_shapes_that_do_not_broadcast_are_numpys_value_error(f, dtype):
    x0, x1 = np.ones((2, 3), dtype), np.ones((2,), dtype)
    with pytest.raises(ValueError) as expected:
        f(x0, x1)
    for a, b in ((Variable(x0), Variable(x1)), (Variable(x0), x1), (x0, Variable(x1))):
        with pytest.raises(ValueError) as raised:
            f(a, b)
        assert str(raised.value) == str(expected.value)


def test_what_numpy_refuses_for_a_dtype_is_refused_with_numpys_text():
    x = np.array([True])
    for f in (lambda v: v - v, lambda v: -v):
        with pytest.raises(TypeError) as expected:
            f(x)
        with pytest.raises(TypeError) as raised:
            f(Variable(x))
        assert str(raised.value) == str(expected.value)


def test_power_with_a_modulus_is_refused():
    with pytest.raises(TypeError):
        pow(Variable(np.array(2)), 3, 5)
