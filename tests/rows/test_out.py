"""`out=`: NumPy does what it does with it, and the result has what is there then."""

import inspect

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import Variable

X = np.array([[1.5, 4.0, 2.25], [9.0, 0.5, 3.0]])
SQUARE = np.array([[2.0, 1.0], [0.5, 3.0]])
MASK = np.array([[True, False, True], [True, True, False]])

# The function, its arguments before `out` (X becomes a Variable) and after it.
CALLS = {
    **{name: (X, {"axis": 0}) for name in """
        sum prod max min mean var std median ptp cumsum cumprod nansum nanprod nanmax nanmin
        nanmean nanvar nanstd nanmedian nancumsum nancumprod amax amin cumulative_sum
        cumulative_prod""".split()},
    **{name: (X, 0.3, {"axis": 1}) for name in "quantile nanquantile".split()},
    **{name: (X, 30, {"axis": 1}) for name in "percentile nanpercentile".split()},
    "round": (X, 1), "around": (X, 1), "fix": (X,), "clip": (X, 1.0, 4.0), "trace": (X,),
    "take": (X, [0, 2], {"axis": 1}), "compress": ([True, False, True], X, {"axis": 1}),
    "choose": (np.array([[0, 1, 0], [1, 1, 0]]), [X, 2 * X]),
    "concatenate": ([X, X],), "concat": ([X, X],), "stack": ([X, X],), "dot": (X, X.T),
    "outer": (X, [1.0, 2.0]), "einsum": ("ij,kj->ik", X, X),
    "linalg.multi_dot": ([X, X.T, X],), "matmul": (X, X.T), "vecdot": (X, X),
    **{f"fft.{name}": (X,) for name in "fft ifft rfft ihfft fft2 fftn ifftn rfft2 rfftn"
       .split()},
    "fft.irfft": (X,), "fft.irfftn": (X,),
    "exp": (X,), "add": (X, [1.0, 2.0, 3.0]), "multiply": (X, X), "sqrt": (X,), "power": (X, 3),
    "arctan2": (X, 2.0), "maximum": (X, 2.0), "negative": (X,), "absolute": (X,),
}  # fmt: skip
PLAIN = """all any argmax argmin isneginf isposinf nanargmax nanargmin less equal logical_not
    isnan""".split()
OF_DATES = {"busday_count", "busday_offset", "is_busday"}
IGNORE_IT = {"fft.hfft", "fft.ifft2", "fft.irfft2"}  # in NumPy 2.4


def found(name, namespace):
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


def call(name, namespace, **more):
    """The result, and the Variable of X."""
    *args, last = CALLS[name]
    args, kwargs = (args, last) if isinstance(last, dict) else ((*args, last), {})
    v = Variable(X.copy())

    def variable(x):
        if isinstance(x, list):
            return [variable(y) for y in x]
        return v if x is X and namespace is not None else x

    function = found(name, namespace or np)
    return function(*map(variable, args), **kwargs, **more), v


def test_every_function_that_takes_out_is_here():
    names = [
        prefix + name
        for prefix, module in [("", np), ("linalg.", np.linalg), ("fft.", np.fft)]
        for name, function in vars(module).items()
        if callable(function) and not isinstance(function, (type, np.ufunc)) and takes_out(function)
    ]
    assert len(names) > 60
    assert not set(names) - set(CALLS) - set(PLAIN) - OF_DATES - IGNORE_IT


def takes_out(function):
    try:
        return "out" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
@pytest.mark.parametrize("name", [name for name in CALLS if hasattr(np, name.split(".")[0])])
def test_the_result_is_what_numpy_writes(name, namespace):
    expected = np.asarray(call(name, None)[0])
    for dtype in ("f4", "f8", "c16"):
        outs = [np.full(expected.shape, 7, dtype) for _ in range(2)]
        try:
            call(name, None, out=outs[0])
        except (TypeError, ValueError, np.exceptions.ComplexWarning) as error:
            with pytest.raises(type(error)):
                call(name, namespace, out=outs[1])
            continue
        y, v = call(name, namespace, out=outs[1])
        np.testing.assert_array_equal(outs[1], outs[0])
        assert isinstance(y, Variable)
        assert (y.dtype, y.shape) == (outs[1].dtype, outs[1].shape)
        np.testing.assert_array_equal(y.data, outs[1])
        outs[1][...] = 0  # nothing of the graph is in it
        y.grad = gy = np.arange(y.size, dtype="f4").reshape(y.shape).astype(dtype)
        z, w = call(name, namespace)
        z.grad = gy.astype(z.dtype) if dtype != "c16" or z.dtype.kind == "c" else gy.real.copy()
        if y.requires_grad and z.requires_grad:
            y.backward()
            z.backward()
            np.testing.assert_allclose(v.grad, w.grad, rtol=1e-5)
            assert v.grad.dtype == v.dtype


@pytest.mark.parametrize("name", PLAIN)
def test_plain_results_are_out_itself(name):
    function = getattr(np, name)
    args = (X, 2.0) if name in ("less", "equal") else (X,)
    out = np.zeros_like(function(*args))
    args = (Variable(X), *args[1:])
    assert function(*args, out=out) is out
    assert getattr(fnp, name)(*args, out=out) is out
    np.testing.assert_array_equal(out, function(X, *args[1:]))


def test_the_dtype_of_out_is_that_of_the_sum():
    v = Variable(np.full(1000, 100, "f2"))
    for f in (np.sum, fnp.sum, np.add.reduce):
        out = np.zeros(())
        y = f(v, out=out)
        assert (y.dtype, y.data, out) == (np.float64, 1e5, 1e5)
        v.cleargrad()
        y.backward()
        np.testing.assert_array_equal(v.grad, np.ones(1000, "f2"))
    assert np.mean(v, out=np.zeros(())).data == 100


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
@pytest.mark.parametrize("by", ["name", "tuple", "position"])
def test_broadcast_into_out(namespace, by):
    v, out = Variable(np.array([1.0, 4.0, 9.0])), np.zeros((2, 3), "f4")
    if by == "position":
        y = namespace.sqrt(v, out)
    else:
        y = namespace.sqrt(v, out=out if by == "name" else (out,))
    assert (y.shape, y.dtype) == ((2, 3), np.float32)
    np.testing.assert_array_equal(out, [[1, 2, 3]] * 2)
    y.backward()
    np.testing.assert_allclose(v.grad, [1, 1 / 2, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
def test_many_outputs(namespace):
    v, a, b = Variable(np.array([1.5, 4.25])), np.zeros(2), np.zeros(2, "f4")
    for outs in ({"out": (a, b)}, {"out": (None, b)}, {}):
        ys = namespace.modf(v, *(() if outs else (a, b)), **outs)
        assert [y.dtype.char for y in ys] == ["d", "f"]
        np.testing.assert_array_equal(b, [1, 4])
        v.cleargrad()
        ys[0].backward()
        np.testing.assert_array_equal(v.grad, [1, 1])


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
def test_a_mask_leaves_what_is_there(namespace):
    for dtype in ("f8", "f4"):
        v, out = Variable(np.array([1.0, 4.0, -1.0])), np.full((2, 3), 7, dtype)
        y = namespace.sqrt(v, out=out, where=np.array([True, True, False]))
        np.testing.assert_array_equal(out, [[1, 2, 7]] * 2)
        np.testing.assert_array_equal(y.data, out)
        assert y.dtype == dtype
        y.backward()
        np.testing.assert_array_equal(v.grad, [1, 0.5, 0])
    v, out = Variable(X.copy()), np.full(3, 7.0)
    y = namespace.sum(v, axis=0, out=out, where=MASK)
    np.testing.assert_array_equal(out, np.sum(X, axis=0, where=MASK))
    y.backward()
    np.testing.assert_array_equal(v.grad, MASK)


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
def test_errors_are_numpys_and_nothing_is_recorded(namespace):
    v = Variable(np.array([1.5, 2.5]))
    with pytest.raises(TypeError, match="same_kind"):
        namespace.add(v, 1.0, out=np.zeros(2, int))
    with pytest.raises(ValueError, match="broadcast"):
        namespace.add(v, 1.0, out=np.zeros(3))
    with pytest.raises(TypeError):
        namespace.add(v, 1.0, out=[0.0, 0.0])
    read_only = np.zeros(2)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        namespace.add(v, 1.0, out=read_only)
    y = namespace.add(v, 1.0, out=np.zeros(2, int), casting="unsafe")
    np.testing.assert_array_equal(y.data, [2, 3])
    for out in (v, (v,)):
        with pytest.raises(TypeError, match="out is a Variable"):
            namespace.add(np.zeros(2), v, out=out)
    with pytest.raises(TypeError, match="out shares the memory"):
        namespace.add(v, 1.0, out=v.data)
    assert v.grad is None


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
def test_an_operand_that_is_out_too(namespace):
    v, a = Variable(np.array([1.0, 2.0])), np.array([3.0, 4.0])
    y = namespace.multiply(v, a, out=a)
    np.testing.assert_array_equal(a, [3, 8])
    a[:] = 0
    y.backward()
    np.testing.assert_array_equal(v.grad, [3, 4])


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
def test_a_complex_out_of_what_is_real(namespace):
    """The imaginary part is always 0, so that there is no gradient in it."""
    z = np.array([3.0 + 4j, 1 - 1j])
    for name in ("absolute", "var", "fft.irfft"):
        v, function = Variable(z.copy()), found(name, namespace)
        y = function(v, out=np.zeros_like(np.asarray(found(name, np)(z)), "D"))
        assert y.dtype == "D"
        fnp.sum(fnp.imag(y)).backward()
        np.testing.assert_array_equal(v.grad, [0, 0])
        v.cleargrad()
        fnp.sum(fnp.real(y)).backward()
        w = Variable(z.copy())
        fnp.sum(function(w)).backward()
        np.testing.assert_allclose(v.grad, w.grad)


def test_an_ellipsis():
    v = Variable(np.array([1.0, 2.0]))
    try:
        np.add(v.data, 1.0, out=...)
    except TypeError:
        pytest.skip("not of this NumPy")
    y = np.add(v, 1.0, out=...)
    y.backward()
    np.testing.assert_array_equal(v.grad, [1, 1])


def test_methods_of_ufuncs():
    v = Variable(np.array([1.0, 2.0]))
    for y in (
        np.add.reduce(v, 0, None, np.zeros((), "f4")),
        np.add.accumulate(v, out=np.zeros(2, "f4")),
        np.multiply.outer(v, [1.0, 2.0], out=np.zeros((2, 2), "f4")),
        np.maximum.reduce(v, out=(np.zeros((), "f4"),)),
    ):
        assert y.dtype == np.float32
        y.backward()


@pytest.mark.parametrize("namespace", [np, fnp], ids=["numpy", "fastgrad"])
def test_second_derivatives(namespace):
    v = Variable(np.array([2.0, 3.0]))
    y = namespace.power(v, 3, out=np.zeros(2, "f4"))
    y.backward(create_graph=True)
    gx = v.grad
    v.cleargrad()
    gx.backward()
    np.testing.assert_allclose(v.grad, [12, 18])


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
def test_a_0d_out_of_an_accumulation_raises(name):
    """NumPy 2.4 crashes with one."""
    v, ufunc = Variable(X.ravel()), np.add if "sum" in name else np.multiply
    for call in (
        lambda: getattr(np, name)(v, out=np.zeros(())),
        lambda: getattr(fnp, name)(X.ravel(), None, None, np.zeros(())),
        lambda: ufunc.accumulate(v, out=np.zeros(())),
    ):
        with pytest.raises(ValueError, match="0-d"):
            call()
