"""Types and ufuncs of other libraries: they keep their meaning, or the refusal says what to do."""

import functools
import gc
import operator
import weakref

import numpy as np
import pytest
import scipy.special

import fastgrad.numpy as fnp
from fastgrad import Variable, grad, op, special


class Units:
    """A number with a unit, in the way of pint: its operators and ufuncs look at the unit."""

    def __init__(self, value, unit="m"):
        self.value, self.unit = value, unit

    def __array_ufunc__(self, ufunc, method, *xs, **kwargs):
        values = [x.value if isinstance(x, Units) else x for x in xs]
        return Units(getattr(ufunc, method)(*values, **kwargs), self.unit)

    def __array_function__(self, function, types, args, kwargs):
        return Units(function(*[x.value if isinstance(x, Units) else x for x in args], **kwargs))

    def __mul__(self, other):
        return np.multiply(self, other)

    __rmul__ = __mul__

    def __rmod__(self, other):
        return np.remainder(other, self)

    def __lt__(self, other):
        return np.less(self, other)

    def __gt__(self, other):
        return np.greater(self, other)


class Refusing(Units):
    """Knows no Variables."""

    def __array_ufunc__(self, ufunc, method, *xs, **kwargs):
        if any(isinstance(x, Variable) for x in xs):
            return NotImplemented
        return super().__array_ufunc__(ufunc, method, *xs, **kwargs)

    __array_function__ = __mul__ = __rmul__ = None


USES = {
    "x * v": lambda v, x: x * v,
    "v * x": lambda v, x: v * x,
    "np.multiply(v, x)": np.multiply,
    "np.multiply(x, v)": lambda v, x: np.multiply(x, v),
    "fnp.multiply(v, x)": lambda v, x: fnp.multiply(v, x),
    "fnp.multiply(x, v)": lambda v, x: fnp.multiply(x, v),
    "np.multiply.outer": lambda v, x: np.multiply.outer(v, x),
    "dtype=": lambda v, x: np.multiply(v, x, dtype=np.float32),
    "v % x": lambda v, x: v % x,
    "np.logaddexp": np.logaddexp,
    "np.heaviside": np.heaviside,
    "np.less": np.less,
    "v < x": lambda v, x: v < x,
    "np.dot": np.dot,
}


@pytest.mark.parametrize("name", USES)
def test_types_that_know_variables_are_asked(name):
    v, value = Variable(np.array([1.0, 2.0])), np.array([3.0, 5.0])
    made = USES[name](v, Units(value))
    assert type(made) is Units
    assert made.unit == "m"
    expected = USES[name](v.data, value)
    assert np.array_equal(getattr(made.value, "data", made.value), expected)
    if "<" not in name and "less" not in name:
        assert isinstance(made.value, Variable)
        fnp.sum(made.value).backward()
        assert v.grad is not None


@pytest.mark.parametrize("name", ["np.multiply(v, x)", "np.multiply(x, v)", "np.logaddexp"])
def test_types_that_know_no_variables_are_an_error(name):
    v = Variable(np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match="returned NotImplemented"):
        USES[name](v, Refusing(np.ones(2)))
    with pytest.raises(TypeError, match="no implementation"):
        np.concatenate([v, Foreign()])


class Foreign:
    def __array_function__(self, function, types, args, kwargs):
        return NotImplemented


def test_classes_without_protocols_keep_their_operators():
    class Symbol:
        def __rmul__(self, other):
            return "symbol"

        def __radd__(self, other):
            return "symbol"

        def __rmatmul__(self, other):
            return "symbol"

    v = Variable(np.ones(2))
    assert v * Symbol() == v + Symbol() == v @ Symbol() == "symbol"


# --- pandas ---


class Labelled:
    """In the way of pandas: its operators leave the work to whoever has a higher priority."""

    __pandas_priority__ = 3000

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values

    def __array_ufunc__(self, ufunc, method, *xs, **kwargs):
        return NotImplemented

    def __mul__(self, other):
        if getattr(other, "__pandas_priority__", 0) > self.__pandas_priority__:
            return NotImplemented
        return "labelled"

    __rmul__ = __rmatmul__ = __rtruediv__ = __rpow__ = __rmod__ = __mul__


OPERATIONS = {
    "*": operator.mul,
    "+": operator.add,
    "-": operator.sub,
    "/": operator.truediv,
    "**": operator.pow,
    "%": operator.mod,
    "//": operator.floordiv,
    "np.multiply": np.multiply,
    "np.arctan2": np.arctan2,
    "fnp.multiply": fnp.multiply,
    "fnp.logaddexp": fnp.logaddexp,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_labels_are_refused(name):
    f, w, x = OPERATIONS[name], Variable(np.array([1.0, 2.0])), Labelled(np.ones(2))
    with pytest.raises(TypeError, match=r"a pandas Labelled.*x\.to_numpy\(\)"):
        f(w, x)
    if name in ("*", "np.multiply", "fnp.multiply", "np.arctan2"):
        with pytest.raises(TypeError, match=r"a pandas Labelled.*x\.to_numpy\(\)"):
            f(x, w)
    assert w.grad is None


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kind", ["Series", "DataFrame", "Index", "column's array"])
def test_pandas_is_refused(name, kind):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    x = {
        "Series": frame.a,
        "DataFrame": frame,
        "Index": pandas.Index([1.0, 2.0]),
        "column's array": frame.a.array,
    }[kind]
    w = Variable(np.array([1.0, 2.0]))
    for v in (w, w[0]):
        for xs in ((v, x), (x, v)):
            if xs[0] is x and name.startswith("np.") and kind in ("Index", "column's array"):
                continue  # NumPy asks pandas first, and it converts
            with pytest.raises(TypeError, match=r"a pandas .*x\.to_numpy\(\)"):
                OPERATIONS[name](*xs)
    with pytest.raises(TypeError, match=r"x\.to_numpy\(\)"):
        grad(lambda w: fnp.sum(OPERATIONS[name](w, x)))(2.0)
    assert np.isfinite(fnp.sum(OPERATIONS[name](x.to_numpy(), w)).data)


def test_pandas_comparisons_are_its_own():
    pandas = pytest.importorskip("pandas")
    x, w = pandas.Series([1.0, 3.0]), Variable(np.array([2.0, 2.0]))
    assert list(x < w) == list(w > x) == [True, False]
    with pytest.raises(TypeError, match="to_numpy"):
        w @ x


# --- ufuncs ---


@pytest.mark.parametrize(
    ("ufunc", "text"),
    [
        (np.frompyfunc(lambda x: x + 1, 1, 1), r"the ufunc <lambda> \(vectorized\): not impl"),
        (np.frompyfunc(abs, 1, 1), r"the ufunc abs \(vectorized\): not impl"),
        (functools.partial(scipy.special.struve, 1), r"scipy\.special\.struve: not.*op.*erf, "),
        (scipy.special.ellipk, r"^scipy\.special\.ellipk: not implemented.*x\.data.*gammaln"),
    ],
)
def test_ufuncs_without_a_rule_are_refused(ufunc, text):
    v = Variable(np.array([1.0, 2.0]))
    for call in (
        lambda: ufunc(v),
        lambda: ufunc(v, where=np.array([True, False])),
        lambda: ufunc(v, out=np.zeros(2, object)),
    ):
        with pytest.raises(TypeError, match=text):
            call()


@pytest.mark.parametrize("name", sorted(special.SCIPY))
def test_scipys_ufuncs_take_variables(name, run_child):
    f = getattr(scipy.special, name)
    n = 2 if name in ("beta", "betaln", "xlogy", "xlog1py", "polygamma") else 1
    if not isinstance(f, np.ufunc):
        return  # polygamma is a function in Python, which converts
    xs = [np.array([0.25, 0.5]), np.array([0.75, 0.5])][:n]
    vs = [Variable(x) for x in xs]
    y = f(*vs)
    assert isinstance(y, Variable)
    assert np.array_equal(y.data, f(*xs))
    fnp.sum(y).backward()
    for i, v in enumerate(vs):
        steps = [x.copy() for x in xs], [x.copy() for x in xs]
        steps[0][i] += 1e-6
        steps[1][i] -= 1e-6
        expected = (f(*steps[0]) - f(*steps[1])) / 2e-6
        assert np.allclose(v.grad, expected, rtol=1e-6), name


def test_scipys_erf_without_asking_fastgrad_first(run_child):
    code = """
import numpy as np, scipy.special
from fastgrad import Variable
v = Variable(np.array([0.5, 1.0]))
y = scipy.special.erf(v)
scipy.special.digamma(v)
y.backward()
print(np.allclose(v.grad, 2 / np.sqrt(np.pi) * np.exp(-v.data**2)))
"""
    assert run_child(code) == "True\n"


def test_ufuncs_of_numba_are_refused():
    numba = pytest.importorskip("numba")
    f = numba.vectorize(["float64(float64)"])(lambda x: x + 1)
    with pytest.raises(TypeError, match="not implemented for Variables"):
        f(Variable(np.ones(2)))


# --- rows for a program's own functions ---


def cube_of(forward):
    return op("cube", forward, vjp=lambda xp, g, y, x: g * 3 * x * x)


OWN = {
    "a function": lambda: cube_of(lambda x: x**3),
    "a ufunc": lambda: cube_of(np.frompyfunc(lambda x: x**3, 1, 1)),
    "np.vectorize": lambda: cube_of(np.vectorize(lambda x: x**3)),
    "implements": lambda: op(
        "cube",
        lambda x: x**3,
        vjp=lambda xp, g, y, x: g * 3 * x * x,
        implements=(lambda x: x,),
    ),
    "a sequence": lambda: op(
        "total", lambda xs: xs[0] + xs[1], vjp=lambda xp, i, g, y, xs: g, sequence=True
    ),
}
CALLS = {
    "called": lambda f, x: f(x),
    "walked": lambda f, x: fnp.sum(f(x)).backward(),
    "recorded": lambda f, x: fnp.sum(f(x)).backward(create_graph=True),
    "as a Function": lambda f, x: f.Function()(x),
    "creator": lambda f, x: (f(x).creator.inputs, repr(f(x).creator), type(f(x).creator).__mro__),
    "where": lambda f, x: f(x, where=np.array([True, False])),
    "method": lambda f, x: type("Holder", (), {"f": f})().f,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("own", OWN)
def test_rows_declared_in_a_loop_die(own, call):
    def declare():
        row = OWN[own]()
        x = Variable(np.array([1.0, 2.0]))
        if row.sequence:
            if call not in ("as a Function", "where"):
                CALLS[call](row, [x, x])
        elif call != "where":
            CALLS[call](row, x)
        elif isinstance(row.forward, np.ufunc):
            with pytest.raises(AttributeError):
                row(x, where=np.array([True, False]))  # a result of objects
        return weakref.ref(row), weakref.ref(row.Function)

    died = declare()
    gc.collect()
    assert [ref() for ref in died] == [None, None]


def test_a_ufunc_of_the_program_answers_as_long_as_its_row_is_kept():
    ufunc = np.frompyfunc(lambda x: x**3, 1, 1)
    x = Variable(np.array([1, 2], object))
    row = op("cube", ufunc, vjp=lambda xp, g, y, x: g * 3 * x * x)
    ufunc(x).backward()
    assert list(x.grad) == [3, 12]
    del row
    x.cleargrad()
    gc.collect()
    with pytest.raises(TypeError, match="the ufunc"):
        ufunc(x)
