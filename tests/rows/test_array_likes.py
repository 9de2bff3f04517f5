"""Arguments of NumPy's functions that hold numbers: recorded with the right gradient or refused."""

import inspect

import numpy as np
import pytest
from test_rows import SAMPLES, found

import fastgrad.numpy as fnp
from fastgrad import Variable, grad

X = np.array([1.0, 2.0, 4.0, 3.0])
Y = np.array([0.5, 1.5, 2.5, 7.0])
M = np.array([[1.0, 9.0, 2.0], [5.0, 3.0, 8.0]])
MASK = np.array([True, False, True, True])


def bounds(low, high):
    """Of `clip`, by name: before NumPy 2.1 its own names are the only ones."""
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        return {"a_min": low, "a_max": high}
    return {"min": low, "max": high}


NAN = np.array([1.0, np.nan, 2.0])

# What is computed of `x`, and an `x` to begin with.
RECORDED = {
    "interp left": (lambda n, x: n.interp([0.0, 1.5, 9.0], np.sort(X), Y, left=x), 7.0),
    "interp right": (lambda n, x: n.interp([0.0, 1.5, 9.0], np.sort(X), Y, None, x), 7.0),
    "interp both": (lambda n, x: n.interp(x * Y, np.sort(X), Y, left=x, right=x * x), 0.9),
    "select": (lambda n, x: n.select([X > 2], [X], default=x), 7.0),
    "select array": (lambda n, x: n.select([X > 2, X > 1], [X, x], 2 * x), Y),
    "pad": (lambda n, x: n.pad(X, 2, constant_values=x), 7.0),
    "pad pair": (lambda n, x: n.pad(X, (1, 2), constant_values=(x, 2 * x)), 7.0),
    "pad array": (lambda n, x: n.pad(M, ((1, 2), (0, 1)), constant_values=x), Y.reshape(2, 2)),
    "pad nested": (lambda n, x: n.pad(M, 1, "constant", constant_values=((x, 1.0), (x, x))), 7.0),
    "pad both": (lambda n, x: n.pad(x * M, 1, constant_values=x), 7.0),
    "sum": (lambda n, x: n.sum(X, initial=x), 7.0),
    "sum both": (lambda n, x: n.sum(x * M, axis=1, initial=x), 7.0),
    "sum masked": (
        lambda n, x: n.sum(M, axis=0, keepdims=True, initial=x, where=np.array([[True], [False]])),
        7.0,
    ),
    "sum method": (lambda n, x: (x * X).sum(initial=x), 7.0),
    "prod": (lambda n, x: n.prod(X, initial=x), 7.0),
    "prod both": (lambda n, x: n.prod(x * M, axis=0, initial=x), 1.5),
    "prod masked": (lambda n, x: n.prod(x * X, initial=x, where=MASK), 1.5),
    "max": (lambda n, x: n.max(X, initial=x), 7.0),
    "max of some": (lambda n, x: n.max(M, axis=0, initial=x, keepdims=True), 7.0),
    "max of none": (lambda n, x: n.max(M, initial=x), 7.0),
    "min": (lambda n, x: n.amin(x * M, axis=1, initial=x), 2.0),
    "nansum": (lambda n, x: n.nansum(x * NAN[MASK[:3]], initial=x), 2.0),
    "nanprod": (lambda n, x: n.nanprod(NAN, initial=x), 2.0),
    "nanmax": (lambda n, x: n.nanmax(NAN, initial=x), 7.0),
    "nanmin": (lambda n, x: n.nanmin(NAN, initial=x), 0.5),
    "var": (lambda n, x: n.var(X, mean=x), 7.0),
    "var both": (lambda n, x: n.var(x * M, axis=0, mean=x * Y[:3], ddof=1), 7.0),
    "std": (lambda n, x: n.std(x * M, axis=0, mean=x * Y[:3], where=M > 1), 7.0),
    "clip": (lambda n, x: n.clip(X, x, 3.5), 2.5),
    "clip names": (lambda n, x: n.clip(X, **bounds(x, 2 * x)), 1.7),
    # Where the mask is False nothing is written: `full` tells what is there.
    "clip masked": (lambda n, x: n.clip(X, x, 3.5, where=MASK)[MASK], 2.5),
    "where": (lambda n, x: n.where(X > 2, x, 2 * x), 2.5),
    "where lists": (lambda n, x: n.where([True, False], [x, 1.0], [2 * x, x]), 2.5),
    "full": (lambda n, x: n.full((2, 2), x), 2.5),
    "full name": (lambda n, x: n.full(shape=(2, 4), fill_value=x), Y),
    "full list": (lambda n, x: n.full((2, 2), [x, 1.0]), 2.5),
    "full_like": (lambda n, x: n.full_like(X, x), 2.5),
    "insert": (lambda n, x: n.insert(X, 1, x), 2.5),
    "append": (lambda n, x: n.append(X, x), 2.5),
    "append lists": (lambda n, x: n.append([[x, 2.0]], [[x, 1.0]], axis=0), 2.5),
    "linspace": (lambda n, x: n.linspace(x, stop=x * x, num=5), 2.5),
    "linspace lists": (lambda n, x: n.linspace([x, 1.0], [2.0, x], 3), 2.5),
    "geomspace": (lambda n, x: n.geomspace(1.0, x, 5), 2.5),
    "logspace": (lambda n, x: n.logspace(1.0, x, 5, base=x), 2.5),
    "bincount": (lambda n, x: n.bincount([0, 1, 1, 2], weights=x), Y),
    "nan_to_num": (lambda n, x: n.nan_to_num([1.0, np.nan, 3.0], nan=x), 2.5),
    "nan_to_num all": (
        lambda n, x: n.nan_to_num(np.array([np.nan, np.inf, -np.inf]), True, x, x * x, 3 * x),
        2.5,
    ),
    "unwrap": (lambda n, x: n.unwrap(X * 3, period=x), 2.3),
    "unwrap both": (lambda n, x: n.unwrap(3 * x * M, axis=0, period=x * x), 1.1),
    "diff": (lambda n, x: n.diff(X, prepend=x, append=[x, 1.0]), 2.5),
    "ediff1d": (lambda n, x: n.ediff1d(X, to_end=[x, 1.0], to_begin=x), 2.5),
    "trapezoid x": (lambda n, x: n.trapezoid(Y, x=x), X),
    "trapezoid dx": (lambda n, x: n.trapezoid(Y, dx=x), 2.5),
    "average": (lambda n, x: n.average(X, weights=x), Y),
    "average list": (lambda n, x: n.average(X, weights=[x, 1.0, 1.0, x]), 2.5),
    "quantile": (lambda n, x: n.quantile(X, q=x), 0.3),
    "quantile list": (lambda n, x: n.quantile(X, q=[x, 0.4]), 0.3),
    "percentile": (lambda n, x: n.percentile(X, x), 30.0),
    "gradient": (lambda n, x: n.gradient(X, x), np.array([0.0, 1.0, 3.0, 4.0])),
    "polyint": (lambda n, x: n.polyint(X, 2, k=[x, 1.0]), 2.5),
    "polyfit": (lambda n, x: n.polyfit([0.0, 1.0, 2.0, 3.0], Y, 1, w=x), X),
    "heaviside": (lambda n, x: n.heaviside([0.0, 1.0], x), 5.5),
    "piecewise": (lambda n, x: n.piecewise(X, [X > 2], [x, 0.0]), 5.5),
    "choose": (lambda n, x: n.choose([0, 1], [x, 2.0]), 5.5),
}
REFUSED = {
    "interp period": lambda x: fnp.interp(X, X, Y, period=x),
    "pad end": lambda x: fnp.pad(X, 2, "linear_ramp", end_values=x),
    "histogram": lambda x: fnp.histogram(X, 3, weights=x * X),
    "histogram list": lambda x: fnp.histogram(X, 3, weights=[x, x, x, x]),
    "histogram2d": lambda x: fnp.histogram2d(X, Y, 3, weights=x * X),
    "histogramdd": lambda x: fnp.histogramdd((X, Y), 3, weights=x * X),
    "quantile weights": lambda x: fnp.quantile(X, 0.3, weights=x * X, method="inverted_cdf"),
    "unwrap discont": lambda x: fnp.unwrap(X * 3, discont=x),
    "cov": lambda x: fnp.cov(X, Y, aweights=x * X),
    "put": lambda x: fnp.put(X.copy(), [1], x),
    "put_along_axis": lambda x: fnp.put_along_axis(X.copy(), np.array([1]), x, 0),
    "place": lambda x: fnp.place(X.copy(), MASK, x * X),
    "putmask": lambda x: fnp.putmask(X.copy(), MASK, x),
    "copyto": lambda x: fnp.copyto(X.copy(), x),
    "fill_diagonal": lambda x: fnp.fill_diagonal(np.eye(2), x),
    "initial of mean": lambda x: fnp.mean(X, where=x),
    "initial and mask": lambda x: fnp.sum(X, initial=x, where=x * X),
}


def value(x):
    return x.data if isinstance(x, Variable) else np.asarray(x)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded(name):
    f, x = RECORDED[name]
    v = Variable(np.array(x))
    y = f(fnp, v)
    if "method" not in name:
        np.testing.assert_array_equal(y.data, np.asarray(f(np, np.array(x))), strict=True)
    w = np.cos(np.arange(y.size)).reshape(y.shape)
    fnp.sum(y * w).backward()
    h, da = 1e-6, np.sin(1 + np.arange(v.size)).reshape(v.shape)
    above, below = (
        np.sum(value(f(fnp, Variable(np.asarray(x + s * h * da)))) * w) for s in (1, -1)
    )
    np.testing.assert_allclose(np.sum(v.grad * da), (above - below) / (2 * h), rtol=1e-6, atol=1e-8)
    # And once more, of a function that bends it.
    slope = grad(lambda x: fnp.sum(fnp.sin(f(fnp, x)) * w))
    second = grad(lambda x: fnp.sum(slope(x) * da))(np.array(x))
    above, below = (np.sum(slope(np.asarray(x + s * h * da)) * da) for s in (1, -1))
    np.testing.assert_allclose(np.sum(second * da), (above - below) / (2 * h), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    v = Variable(np.array(2.5))
    with pytest.raises(TypeError, match=r"is a Variable|not differentiable|writes into"):
        REFUSED[name](v)


def test_ties_with_initial_share_evenly():
    for x, v in [(np.array([3.0, 1.0]), 3.0), (np.array([3.0, 3.0]), 3.0)]:
        a, b = Variable(x), Variable(np.array(v))
        fnp.max(a, initial=b).backward()
        share = 1 / (1 + np.sum(x == v))
        np.testing.assert_allclose(a.grad, (x == v) * share)
        np.testing.assert_allclose(b.grad, share)


def test_initial_with_out():
    v, out = Variable(np.array(2.0)), np.zeros(3, "f4")
    y = fnp.sum(M, axis=0, initial=v, out=out)
    np.testing.assert_array_equal(out, M.sum(0) + 2)
    assert y.dtype == np.float32
    y.backward()
    assert v.grad == 3


def test_initial_of_the_methods_of_ufuncs():
    v, w = Variable(M.copy()), Variable(np.array(2.0))
    for y, gw in [
        (np.add.reduce(v, axis=1, initial=w), 2),
        (np.multiply.reduce(v, axis=None, initial=w), M.prod()),
        (np.maximum.reduce(v, initial=w), 0),
    ]:
        w.cleargrad()
        y.backward()
        np.testing.assert_allclose(w.grad, gw)


def test_replacements_in_complex_numbers():
    z = np.array([complex(np.nan, 1), complex(2, np.nan), complex(np.nan, np.nan)])
    v = Variable(np.array(2.0))
    w = np.array([1 + 10j, 2 + 20j, 3 + 30j])
    fnp.sum(fnp.real(fnp.nan_to_num(z, nan=v) * w)).backward()
    np.testing.assert_allclose(v.grad, 1 - 20 + 3 - 30)


def test_what_functions_captured_is_recorded():
    def pieces(x):
        return fnp.piecewise(X, [X < 2, X >= 2], [lambda t: x * t, lambda t: x * x * t])

    v = Variable(np.array(3.0))
    fnp.sum(pieces(v)).backward()
    np.testing.assert_allclose(v.grad, X[0] + 6 * X[1:].sum())
    v.cleargrad()
    fnp.sum(fnp.apply_along_axis(lambda row: row * v, 0, M)).backward()
    np.testing.assert_allclose(v.grad, M.sum())
    np.testing.assert_array_equal(pieces(3.0), np.array([3.0, 18, 36, 27]))
    calls = []
    y = fnp.apply_along_axis(lambda row: calls.append(1) or row.sum(), 1, M)
    np.testing.assert_array_equal(y, M.sum(1))
    assert len(calls) == 2


# --- every argument of every function ---

ONE_OF_EACH = {sample.name: sample for sample in reversed(SAMPLES) if sample.function is None}


def numbers(y):
    """The values of a result, one after the other."""
    ys = y if isinstance(y, (tuple, list)) else (y,)
    return [np.asarray(value(part), complex).ravel() for part in ys]


def parameters_of(function):
    function = getattr(function, "__wrapped__", function)
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


@pytest.mark.filterwarnings("ignore")
def test_no_argument_loses_its_gradient():
    """What changes with an argument is recorded, or the argument is refused."""
    lost, n_recorded = [], 0
    for name, sample in ONE_OF_EACH.items():
        function = found(name, fnp)
        for i, parameter in enumerate(parameters_of(function)):
            if parameter.kind > inspect.Parameter.KEYWORD_ONLY or parameter.name == "out":
                continue  # (NumPy crashes with some arrays as `out`)
            for x in (np.array(0.7), np.array([0.2, 0.5, 0.9])):

                def call(x, i=i, key=parameter.name, sample=sample, function=function):
                    args, kwargs = list(sample.args), dict(sample.kwargs)
                    if i < len(args):
                        args[i] = x
                    else:
                        kwargs[key] = x
                    return function(*args, **kwargs)

                try:
                    with np.errstate(all="ignore"):
                        before, after = numbers(call(x)), numbers(call(x * 1.001))
                        y = call(Variable(x))
                except Exception:  # noqa: BLE001, whatever NumPy says of such an argument
                    continue
                if all(map(np.array_equal, before, after)):
                    continue
                ys = y if isinstance(y, (tuple, list)) else (y,)
                if any(isinstance(part, Variable) and part.requires_grad for part in ys):
                    n_recorded += 1
                else:
                    lost.append((name, parameter.name))
    assert not lost
    assert n_recorded > 200
