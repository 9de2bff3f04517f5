"""What a program sees besides derivatives: signatures, modules, ufuncs' methods, pickles."""

import copy
import importlib
import inspect
import pickle
import sys
import types

import numpy as np
import pytest

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Function, Variable, op
from fastgrad._core.protocols import handlers
from fastgrad._core.row import Row

# --- signatures ---

PUBLIC = {
    f"{where.__name__}.{name}": found
    for where in (fastgrad, fastgrad.special, fastgrad.numpy.linalg, Variable, Function)
    for name, found in inspect.getmembers(where)
    if callable(found) and not name.startswith("_")
}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_what_is_public_has_a_signature(name):
    found = PUBLIC[name]
    if isinstance(found, type) and issubclass(found, (Exception, np.generic)):
        return
    wrapped = inspect.unwrap(found)
    if isinstance(wrapped, (np.ufunc, types.BuiltinFunctionType)) and wrapped is not found:
        return  # as NumPy's own
    if isinstance(found, np.ufunc) or (getattr(found, "__module__", None) or "").startswith("num"):
        return
    assert isinstance(inspect.signature(found), inspect.Signature)


def test_signatures():
    assert str(inspect.signature(Variable)) == "(data, name=None, *, requires_grad=True)"
    assert list(inspect.signature(Function).parameters) == []
    assert list(inspect.signature(fastgrad.Add).parameters) == []
    assert list(inspect.signature(Function.forward).parameters) == ["self", "xs"]
    assert list(inspect.signature(fastgrad.add).parameters) == ["x0", "x1"]
    assert list(inspect.signature(Variable.set_creator).parameters) == ["self", "func"]
    assert list(inspect.signature(Variable(np.ones(2)).cleargrad).parameters) == []

    class Scaled(Variable):
        def __init__(self, data, scale):
            super().__init__(data * scale)

    class Power(Function):
        def __init__(self, n):
            self.n = n

    assert list(inspect.signature(Scaled).parameters) == ["data", "scale"]
    assert list(inspect.signature(Power).parameters) == ["n"]
    for cls in (Variable, Function):
        assert "\n--\n" not in inspect.getdoc(cls)
        assert inspect.getdoc(cls)[0] == "A"


# --- fastgrad.special ---


def test_special_is_a_module(run_child):
    code = """
import sys
import fastgrad.special
assert "scipy" not in sys.modules
from fastgrad.special import sigmoid
from fastgrad.special import erf, gammaln
import fastgrad.special as special
import fastgrad.functions.special
assert special is fastgrad.special is sys.modules["fastgrad.special"]
assert special.erf is erf is fastgrad.functions.special.erf
assert special.sigmoid is sigmoid
assert "erf" in dir(special) and "gelu" in special.__all__
for name in ("nothing", "jv"):
    try:
        getattr(special, name)
    except AttributeError as error:
        assert repr(name) in str(error)
    else:
        raise AssertionError
print("done")
"""
    assert run_child(code) == "done\n"


# --- methods of ufuncs ---

X = np.array([[1.5, -2.0, 3.0], [0.5, 2.5, -1.0]])
METHODS = {
    "reduce": lambda f, x: f.reduce(x),
    "reduce, axis": lambda f, x: f.reduce(x, axis=1),
    "reduce, keepdims": lambda f, x: f.reduce(x, axis=None, keepdims=True),
    "reduce, positional": lambda f, x: f.reduce(x, 1, None, None, True),
    "accumulate": lambda f, x: f.accumulate(x, axis=1),
    "reduceat": lambda f, x: f.reduceat(x, [0, 1], axis=1),
    "outer": lambda f, x: f.outer(x, np.array([1.0, 2.0])),
    "outer, second": lambda f, x: f.outer(np.array([1.0, 2.0]), x),
    "at": lambda f, x: f.at(x, [0], 1.0),
}
UFUNCS = [name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)]


def outcome(call):
    """A result, or the error, as what can be compared."""
    try:
        with np.errstate(all="ignore"):
            y = call()
    except (RuntimeError, TypeError, ValueError) as error:
        return type(error), str(error)
    ys = [getattr(y, "data", y) for y in (y if isinstance(y, tuple) else (y,))]
    return type(y), [np.asarray(y).tobytes() for y in ys], [np.shape(y) for y in ys]


@pytest.mark.parametrize("name", UFUNCS)
def test_methods_of_ufuncs_are_the_same_by_both_names(name):
    ufunc, ours = getattr(np, name), getattr(fnp, name)
    assert ours.nin == ufunc.nin
    assert ours.identity == ufunc.identity
    for method, use in METHODS.items():
        for x in (Variable(X), X):
            if method == "at":
                x = copy.copy(x) if isinstance(x, Variable) else x.copy()
            expected = outcome(lambda use=use, x=x: use(ufunc, x))
            assert outcome(lambda use=use, x=x: use(ours, x)) == expected, method
        if expected[0] in (np.ndarray, np.float64):  # NumPy can; we can, or say that we cannot
            kind, text, *_ = outcome(lambda use=use: use(ours, Variable(X)))
            if kind is TypeError:
                assert f".{method.split(',')[0]}: not implemented for Variables" in text
            else:
                assert kind in (Variable, np.ndarray, np.bool_)
                assert text == expected[1]
        elif method == "at" and expected[0] is type(None):
            with pytest.raises(TypeError, match=r"\.at: writes into its operand"):
                use(ours, Variable(X))


SAME = {
    "add.reduce": (lambda x: fnp.add.reduce(x), lambda x: fnp.sum(x, axis=0)),
    "multiply.reduce": (lambda x: fnp.multiply.reduce(x, axis=1), lambda x: fnp.prod(x, axis=1)),
    "maximum.reduce": (lambda x: fnp.maximum.reduce(x), lambda x: fnp.max(x, axis=0)),
    "minimum.reduce": (lambda x: fnp.minimum.reduce(x, axis=None), lambda x: fnp.min(x)),
    "add.accumulate": (lambda x: fnp.add.accumulate(x), lambda x: fnp.cumsum(x, axis=0)),
    "multiply.accumulate": (
        lambda x: fnp.multiply.accumulate(x, axis=1),
        lambda x: fnp.cumprod(x, axis=1),
    ),
    "hypot.outer": (lambda x: fnp.hypot.outer(x, x[0]), lambda x: fnp.hypot(x[:, :, None], x[0])),
}


@pytest.mark.parametrize("name", SAME)
def test_methods_of_ufuncs_are_differentiable(name):
    method, same = SAME[name]
    x, z = Variable(X), Variable(X)
    y = method(x)
    fnp.sum(y * y).backward()
    u = same(z)
    fnp.sum(u * u).backward()
    assert np.array_equal(x.grad, z.grad)


# --- pickles of Functions ---


def every_row():
    """All of fastgrad's own."""
    importlib.import_module("fastgrad.functions.fft")
    names = [name for name in sys.modules if name.startswith("fastgrad.")]
    found = [x for name in names for x in vars(sys.modules[name]).values() if isinstance(x, Row)]
    return {id(x): x for x in (*found, *handlers.values()) if isinstance(x, Row)}.values()


def test_rows_and_their_functions_can_be_copied_and_pickled():
    rows = every_row()
    assert len(rows) > 150
    for row in rows:
        assert pickle.loads(pickle.dumps(row)) is row
        assert copy.copy(row) is copy.deepcopy(row) is row
        f = row.Function()
        f.note = [1]
        copies = [copy.copy(f), copy.deepcopy(f)]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            copies.append(pickle.loads(pickle.dumps(f, protocol)))
        assert [type(g) for g in copies] == [row.Function] * len(copies)
        assert [g.note for g in copies] == [[1]] * len(copies)


CREATED = {
    "cumsum": lambda x: fnp.cumsum(x),
    "concatenate": lambda x: fnp.concatenate([x, x]),
    "norm": lambda x: fnp.linalg.norm(x),
    "index": lambda x: x[:, 0],
    "mul": lambda x: x * x,
    "erf": lambda x: fastgrad.special.erf(x),
    "gelu": lambda x: fastgrad.special.gelu(x),
    "a program's own": lambda x: module_row(x),
}


@pytest.mark.parametrize("make", CREATED.values(), ids=CREATED)
def test_a_creators_pickle_was_not_called(make):
    x = Variable(X)
    f = make(x).creator
    f.note = "kept"
    for g in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
        assert type(g) is type(f)
        assert g.note == "kept"
        assert g is not f
        with pytest.raises(AttributeError, match="before a call"):
            g.inputs  # noqa: B018
    assert f.inputs[0] is x


module_row = op("called_otherwise", lambda x: x * 2, vjp=lambda xp, g, y, x: g * 2)


def test_rows_that_no_module_has_say_so():
    row = op("nowhere", lambda x: x * 2, vjp=lambda xp, g, y, x: g * 2)
    f = row(Variable(X)).creator
    for x in (row, f):
        with pytest.raises((pickle.PicklingError, AttributeError), match="nowhere"):
            pickle.dumps(x)
    assert type(copy.copy(f)) is row.Function


class Halved(fnp.cumsum.Function):
    pass


def test_subclasses_of_a_rows_function_are_pickled_by_their_own_name():
    assert type(pickle.loads(pickle.dumps(Halved()))) is Halved


# --- grad of another shape ---


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "function",
    [lambda x: x * x, fnp.tanh, fnp.cumsum, lambda x: x[...]],
    ids=["product", "tanh", "cumsum", "index"],
)
@pytest.mark.parametrize(
    ("shape", "given"),
    [((3,), (2,)), ((3,), (2, 3)), ((), (1,)), ((), (2,)), ((1,), (2,)), ((2, 3), (3, 2)),
     ((2, 1), (2, 3)), ((0,), (2,)), ((3,), (1, 3))],
)  # fmt: skip
def test_a_grad_of_another_shape_is_an_error(shape, given, function, create_graph):
    x, w = Variable(np.ones(shape)), Variable(np.ones(()))
    y = fnp.sum(function(x) * w) if shape else fnp.sum(function(x)) * w
    grad = x.grad = np.ones(given)
    with pytest.raises(ValueError, match=r"grad of a leaf has shape .*cleargrad"):
        y.backward(create_graph=create_graph)
    assert x.grad is grad
    assert w.grad is None
    x.cleargrad()
    y.backward()
    assert x.grad.shape == shape


FITTING = [
    ((3,), np.ones(3)),
    ((), np.float64(1)),
    ((), np.float32(1)),
    ((), 1.0),
    ((), 1),
    ((), np.array(1.0)),
    ((3,), 1.0),  # as the seed's addition would
    ((2, 3), np.ones(3)),
    ((2, 3), np.ones((2, 3), int)),
    ((3,), Variable(np.ones(3))),
]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("i", range(len(FITTING)))
def test_a_grad_that_fits_is_added_to(i, create_graph):
    shape, given = FITTING[i]
    x = Variable(np.full(shape, 2.0))
    x.grad = given
    fnp.sum(x * x).backward(create_graph=create_graph)
    gx = x.grad.data if isinstance(x.grad, Variable) else x.grad
    assert gx.shape == shape
    assert np.array_equal(gx, np.full(shape, 5.0))
