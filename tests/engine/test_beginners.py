"""What beginners do, and what they are told: which text, and what to write instead."""

import copy
import inspect
import pickle
import traceback

import numpy as np
import pytest

import fastgrad
from fastgrad import (
    Config,
    GradientWarning,
    Variable,
    checkpoint,
    elementwise_grad,
    grad,
    gradients,
    hessian,
    hessian_operator,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
)

# --- what is no ndarray ---


class Table:
    """As pandas's Series."""

    def to_numpy(self):
        return np.ones(2)

    def __array__(self, dtype=None, copy=None):
        return np.ones(2)


NO_ARRAYS = [
    ([1.0, 2.0], "np.array([1.0, 2.0])"),
    ((1, 2), "np.array((1, 2))"),
    (3.0, "np.array(3.0)"),
    (3, "np.array(3)"),
    (list(range(100)), "np.array(...)"),
    (np.float64(3.0), "as_array(x)"),
    (Table(), "x.to_numpy()"),
    (Variable(np.ones(2)), "x.data"),
    ("text", "np.array(x)"),
]


@pytest.mark.parametrize(("data", "write"), NO_ARRAYS, ids=[text for _, text in NO_ARRAYS])
def test_data_that_is_no_array_keeps_the_books_text_and_has_a_note(data, write):
    with pytest.raises(TypeError) as raised:
        Variable(data)
    assert str(raised.value) == f"{type(data)} is not supported"
    assert raised.value.__notes__ == [f"a Variable holds an ndarray: write {write}"]


@pytest.mark.parametrize("name", ["data", "grad"])
def test_so_has_what_is_assigned(name):
    x = Variable(np.ones(2))
    with pytest.raises(TypeError, match=r"^<class 'list'> is not supported") as raised:
        setattr(x, name, [1.0, 2.0])
    assert raised.value.__notes__ == ["a Variable holds an ndarray: write np.array([1.0, 2.0])"]
    assert x.grad is None
    assert np.array_equal(x.data, np.ones(2))


@pytest.mark.skipif(not hasattr(BaseException, "add_note"), reason="Python 3.10 shows no notes")
def test_the_note_is_shown():
    with pytest.raises(TypeError) as raised:
        Variable(3.0)
    shown = "".join(traceback.format_exception(raised.value))
    assert shown.endswith("not supported\na Variable holds an ndarray: write np.array(3.0)\n")


def test_lists_are_operands():
    x = Variable(np.array([1.0, 2.0]))
    for y in ([1, 2] * x, x * [1, 2], (1, 2) * x, np.array([1, 2]) * x):
        x.cleargrad()
        y.backward()
        assert np.array_equal(y.data, [1.0, 4.0])
        assert np.array_equal(x.grad, [1.0, 2.0])


# --- arguments that no derivative can be taken for ---


def first(p):
    return p["layers"][0]["w"] * 1.0


REAL = "expected real or complex floating numbers; "
ARGUMENTS = [
    (lambda f: grad(f)(3), f"grad: argument 0 is an int, {REAL}write 3.0"),
    (lambda f: grad(f)(True), f"grad: argument 0 is a bool, {REAL}write 1.0"),
    (lambda f: grad(f)([1.0, 2]), f"grad: argument 0[1] is an int, {REAL}write 2.0"),
    (
        lambda f: jacobian(f)(np.arange(3)),
        f"jacobian: argument 0 is an array of int64, {REAL}write x.astype(float)",
    ),
    (
        lambda f: grad(f)(Variable(np.arange(3))),
        f"grad: argument 0 is an array of int64, {REAL}write x.astype(float)",
    ),
    (
        lambda f: hessian(f, argnums=1)(1.0, {"layers": [{"w": np.ones(2), "b": None}]}),
        f"hessian: argument 1['layers'][0]['b'] is None, {REAL}leave it out, or pass it as an "
        "argument that argnums does not name",
    ),
    (
        lambda f: grad(f)({"w": ("a", 1.0)}),
        f"grad: argument 0['w'][0] is a str, {REAL}leave it out, or pass it as an argument that "
        "argnums does not name",
    ),
    (
        lambda f: grad(f)({"w": Table()}),
        "grad: argument 0['w'] is a Table, expected an ndarray; write x.to_numpy()",
    ),
]


@pytest.mark.parametrize(("call", "text"), ARGUMENTS, ids=[text[:45] for _, text in ARGUMENTS])
def test_arguments_that_cannot_be_differentiated_for(call, text):
    with pytest.raises(TypeError) as raised:
        call(lambda *args: first(args[0]))
    assert str(raised.value) == text.replace("int64", str(np.arange(3).dtype))


def test_a_series_of_pandas():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError) as raised:
        grad(lambda x: np.sum(x))(pandas.Series([1.0, 2.0]))
    text = "grad: argument 0 is a Series, expected an ndarray; write x.to_numpy()"
    assert str(raised.value) == text


# --- how a derivative is asked for ---


def square(x):
    return x * x


CALLS = [
    (
        lambda: grad(square)(x=3.0),
        IndexError,
        "grad: argnums has 0, but 0 arguments came by position, and x by name; what is to be "
        "differentiated for is passed by position",
    ),
    (lambda: grad(square)(), IndexError, "grad: argnums has 0, but 0 arguments came"),
    (
        lambda: grad(square, argnums="x")(3.0),
        TypeError,
        "grad: argnums has 'x', expected an int or a tuple of ints",
    ),
    (lambda: grad(square, argnum=1), TypeError, "grad: write argnums=1 for argnum="),
    (
        lambda: jvp(square, 2.0, 1.0),
        TypeError,
        "jvp: primals is a float, expected a tuple of one for each argument; write "
        "jvp(f, (x,), (dx,))",
    ),
    (
        lambda: jvp(square, (2.0,), 1.0),
        TypeError,
        "jvp: tangents is a float, expected a tuple of one for each argument; write "
        "jvp(f, (x,), (dx,))",
    ),
    (
        lambda: jvp(square, np.ones(2), np.ones(2)),
        TypeError,
        "jvp: primals is an array of float64, expected a tuple of one for each argument; write "
        "jvp(f, (x,), (dx,))",
    ),
    (
        lambda: grad(Variable(np.ones(()))),
        TypeError,
        "grad: expected a function, but fun is a Variable: use y.backward(), or gradients(y, x)",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), CALLS, ids=[text[:45] for *_, text in CALLS])
def test_how_a_derivative_is_asked_for(call, error, text):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == text


TRANSFORMS = [checkpoint, elementwise_grad, grad, hessian, hvp, jacobian, value_and_grad]
MORE = [hessian_operator, jvp, vjp]


@pytest.mark.parametrize("transform", TRANSFORMS + MORE, ids=lambda f: f.__name__)
def test_what_is_no_function_is_an_error_at_once(transform):
    arguments = inspect.signature(transform).parameters
    assert "fun" in arguments
    assert "argnum" not in arguments
    with pytest.raises(TypeError) as raised:
        transform(3.0, *(((1.0,),) * 2 if transform is jvp else (1.0,) * (transform in MORE)))
    text = f"{transform.__name__}: expected a function, but fun is a float"
    assert str(raised.value) == text
    assert pickle.loads(pickle.dumps(transform)) is transform


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda f: f.__name__)
def test_what_a_transform_returns_has_a_signature(transform):
    def f(x, k=2):
        return x**k

    parameters = list(inspect.signature(transform(f)).parameters)
    assert parameters == (["x", "v", "args", "kwargs"] if transform is hvp else ["x", "k"])


# --- blocks without their parentheses ---


@pytest.mark.parametrize("name", ["no_grad", "debug"])
def test_blocks_that_are_not_called(name):
    block = getattr(fastgrad, name)
    with pytest.raises(TypeError) as raised, block:
        raise AssertionError
    assert str(raised.value) == f"{name} is called first: write `with {name}():`"
    with pytest.raises(TypeError) as raised:

        @block
        def f():
            raise AssertionError

    assert str(raised.value) == f"{name} is called first: write @{name}()"
    assert Config.enable_backprop is True
    with block():
        pass
    assert block.__name__ == name
    assert block.__doc__.count(">>>") > 2
    assert list(inspect.signature(block).parameters) == ([] if block is no_grad else ["on"])
    assert pickle.loads(pickle.dumps(block)) is copy.deepcopy(block) is block


# --- gradients that are not there ---

STEPS = {
    "x -=": lambda x: x - 0.1 * x.grad,
    "x +=": lambda x: -0.1 * x.grad + x,
    "a Variable for the rate": lambda x: x - Variable(np.array(0.1)) * x.grad,
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_that_makes_another_variable(step):
    """The second step finds no gradient, and the warning before the error says why."""
    x = Variable(np.ones(2))
    for i in range(2):
        y = np.sum(x * x)
        y.backward()
        if i == 0:
            x = step(x)
    text = (
        r"x\.grad is None: x was computed, by (Sub|Add), from a Variable .*write "
        r"x\.data -= rate \* x\.grad"
    )
    with pytest.warns(GradientWarning, match=text) as caught:
        assert x.grad is None
    assert [w.filename for w in caught] == [__file__]


def test_other_gradients_that_are_not_there_are_none_in_silence():
    x, w = Variable(np.ones(2)), Variable(np.ones(2))
    t = x - w
    u = t + 1
    y = np.sum(u * t)
    assert y.grad is t.grad is x.grad is None
    y.backward()
    assert y.grad is t.grad is u.grad is None
    v = Variable(np.ones(2)) - 1  # nobody asked for the gradient of the leaf
    assert v.grad is None
    z = Variable(np.ones(2)) * 3
    z.backward()
    assert z.grad is None
    assert copy.copy(t).grad is None
    for _ in range(2):  # as it is written
        x.data -= 0.1 * x.grad
        x.cleargrad()
        np.sum(x * x).backward()


NO_GRADIENT = {
    "a constant": (lambda x: Variable(x.data, requires_grad=False) * 2, "It was made"),
    "astype": (lambda x: x.astype(int), "Its values are of int64. It was made"),
    "integers": (lambda x: Variable(x.data.astype(int)) // 2, "Its values are of int64. It was"),
}


@pytest.mark.parametrize(("f", "begins"), NO_GRADIENT.values(), ids=NO_GRADIENT)
def test_a_backward_without_gradient_says_why(f, begins):
    y = f(Variable(np.array([1.0, 2.0])))
    with pytest.raises(RuntimeError, match="this Variable has no gradient") as raised:
        y.backward()
    (note,) = raised.value.__notes__
    assert note.startswith(begins.replace("int64", str(y.dtype)))
    assert "astype(int)" in note
    assert "no_grad" in note


def test_an_error_of_another_backward_has_no_note():
    y = Variable(np.ones(2)) * 2
    y.backward(retain_graph=False)
    with pytest.raises(RuntimeError) as raised:
        y.backward()
    assert not hasattr(raised.value, "__notes__")
    with pytest.raises(TypeError, match="gradients: outputs has a float, expected Variables"):
        gradients(1.0, 2.0)


# --- misspelled attributes ---

MISSPELLED = ["gard", "grda", "rgad", "dtaa", "nmae", "cretaor", "requires_gard", "require_grad"]


@pytest.mark.parametrize("name", MISSPELLED)
def test_a_misspelled_attribute_is_set_with_a_warning(name):
    x = Variable(np.ones(2))
    with pytest.warns(UserWarning, match=rf"^x\.{name} = \.\.\.: .*was x\.\w+ meant\?$") as caught:
        setattr(x, name, 1)
    assert getattr(x, name) == 1
    assert [w.filename for w in caught] == [__file__]


def test_free_attributes_are_set_in_silence():
    class Slotted(Variable):
        __slots__ = ("gard",)

    for x in (Variable(np.ones(2)), Slotted(np.ones(2))):
        for name in ("note", "date", "rate", "grads", "gradient", "names", "dat", "generations"):
            setattr(x, name, name)
            assert getattr(x, name) == name
    x.gard = 1
    assert x.gard == 1


# --- Functions ---


def test_operands_for_a_class_instead_of_a_function(lib):
    """Refused as in the original; fastgrad says what to write."""

    class Sin(lib.Function):
        def forward(self, x):
            return np.sin(x)

    class Power(lib.Function):
        def __init__(self, c=1):
            self.c = c

        def forward(self, x):
            return x**self.c

    class Made(lib.Function):
        def __new__(cls, x):
            return super().__new__(cls)

        def forward(self, x):
            return x + 1

    x = lib.Variable(np.array(2.0))
    with pytest.raises(TypeError, match=r"Sin\(\) takes no arguments") as raised:
        Sin(x)
    assert lib is not fastgrad or str(raised.value).endswith("Sin()(x)")
    with pytest.raises(TypeError, match=r"Add\(\) takes no arguments"):
        lib.Add(x, x)
    assert [f(x).data for f in (Sin(), Power(3), Power(c=2), Made(x))] == [np.sin(2.0), 8, 4, 3]
