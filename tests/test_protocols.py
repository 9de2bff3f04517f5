"""NumPy's protocols: ufuncs and functions, `out`, `where`, `reduce`; methods; what is refused."""

import numpy as np
import pytest

from fastgrad import Variable

A = np.array([0.5, 1.5, 2.5])
B = np.array([1.0, 2.0, 3.0])


def run(code, x):
    """What the expression gives, of a Variable or of an array."""
    return eval(code, {"np": np, "A": A, "B": B}, {"x": x})


def test_numpy_code_records_and_differentiates():
    x = Variable(np.array([[0.5, -1.0], [2.0, 0.1]]))
    w = np.array([1.0, 3.0])
    y = np.sum(np.exp(-(x**2)) * w, axis=1)
    np.sum(y).backward()
    assert np.allclose(x.grad, -2 * x.data * np.exp(-(x.data**2)) * w)


@pytest.mark.parametrize(
    "code",
    [
        "B + x",
        "B - x",
        "B * x",
        "B / x",
        "B**x",
        "B @ x",
        "np.float64(2) * x",
        "np.float32(2) - x",
        "B % x",
        "B // x",
        "divmod(B, x)[1]",
        "np.arctan2(B, x)",
        "np.multiply.outer(B, x)",
        "np.add.reduce(x)",
        "np.multiply.reduce(x, axis=0, keepdims=True)",
        "np.maximum.reduce(x)",
        "np.add.accumulate(x)",
        "np.multiply.accumulate(x)",
        "np.add(x, 1, dtype=np.float32)",
        "+x",
        "abs(x)",
    ],
)
def test_value_is_numpys(code):
    x = Variable(A.copy())
    y = run(code, x)
    expected = np.asarray(run(code, A))
    assert isinstance(y, Variable)
    assert y.dtype == expected.dtype
    assert y.data.tobytes() == expected.tobytes()
    np.sum(y).backward()
    assert x.grad.shape == A.shape


@pytest.mark.parametrize(
    "code",
    [
        "x == B",
        "B < x",
        "np.isfinite(x)",
        "np.argmax(x)",
        "np.logical_and(x > 1, x < 2)",
        "np.less.outer(B, x)",
        "x.argsort()",
        "x.any()",
        "np.shape(x)",
        "np.allclose(x, B)",
    ],
)
def test_discrete_results_are_plain(code):
    actual, expected = run(code, Variable(A)), run(code, A)
    assert type(actual) is type(expected)
    assert np.array_equal(actual, expected)


def test_out_is_written_and_the_result_recorded():
    x, buffer = Variable(A.copy()), np.zeros(3)
    y = np.exp(x, out=buffer)
    assert isinstance(y, Variable)
    assert np.array_equal(buffer, np.exp(A))
    buffer[:] = 0
    assert np.array_equal(y.data, np.exp(A))
    y.backward()
    assert np.array_equal(x.grad, np.exp(A))
    total = np.zeros(())
    z = np.sum(x, out=total)
    assert total == z.data == A.sum()


def test_array_that_a_variable_is_added_to_in_place_becomes_a_variable():
    x, total = Variable(A.copy()), np.zeros(3)
    total += x
    assert isinstance(total, Variable)
    total.backward()
    assert np.array_equal(x.grad, np.ones(3))


def test_where_leaves_elements_out():
    x = Variable(np.array([-1.0, 1.0, 4.0]))
    y = np.log(x, where=x.data > 0)
    with np.errstate(all="raise"):
        y.backward()
    assert np.array_equal(x.grad, [0, 1, 0.25])
    assert np.array_equal(y.data[1:], np.log([1.0, 4.0]))


@pytest.mark.parametrize(
    "code",
    [
        "np.add(x, 1, out=x)",
        "np.add(A, 1, out=x)",
        "np.add(A.copy(), A, out=(x,))",
        "np.sum(A, out=x)",
        "np.copyto(x, A)",
        "np.put(x, 0, 1)",
        "np.add.at(x, 0, 1)",
        "np.add.at(A.copy(), 0, x)",
        "x.__setitem__(0, 1.0)",
        "x.sort()",
        "x.fill(0)",
    ],
)
def test_writing_into_a_variable_is_refused_and_changes_nothing(code):
    x = Variable(A.copy())
    with pytest.raises(TypeError, match=r"use|instead"):
        run(code, x)
    assert np.array_equal(x.data, A)


def test_function_without_a_rule_is_a_type_error_that_tells_how_to_go_on(monkeypatch):
    from fastgrad._protocols import handlers

    for function in (np.linalg.cond, np.spacing):
        monkeypatch.delitem(handlers, function, raising=False)
        with pytest.raises(TypeError, match=r"np\.\S+: not implemented for Variables.*x\.data.*op"):
            function(Variable(np.eye(2)))


def test_unknown_ufunc_is_refused():
    f = np.frompyfunc(lambda a: a, 1, 1)
    with pytest.raises(TypeError, match="not implemented for Variables"):
        f(Variable(A))


def test_conversion_on_request():
    x = Variable(A)
    assert np.asarray(x) is A
    assert np.array(x) is not A
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    assert float(Variable(np.array(2.5))) == 2.5
    assert int(Variable(np.array([2]))[0]) == 2
    assert complex(Variable(np.array(2.5))) == 2.5
    assert [10, 20, 30][Variable(np.array(1))] == 20
    assert f"{Variable(np.array(2.5)):.2f}" == "2.50"
    assert f"{Variable(np.array(2.5))}" == "variable(2.5)"
    assert x.item(1) == 1.5
    assert x.tolist() == [0.5, 1.5, 2.5]


def test_iteration_and_membership():
    x = Variable(A.copy())
    assert [y.data for y in x] == [0.5, 1.5, 2.5]
    assert 1.5 in x
    assert 7 not in x
    with pytest.raises(TypeError, match="0-d"):
        iter(x[0])
    a, b, c = x
    (a * b * c).backward()
    assert np.allclose(x.grad, [1.5 * 2.5, 0.5 * 2.5, 0.5 * 1.5])


@pytest.mark.parametrize(
    "code",
    [
        "x.T",
        "x.mT",
        "x.sum()",
        "x.sum(0)",
        "x.sum(axis=1, keepdims=True)",
        "x.mean(1)",
        "x.prod()",
        "x.std(axis=0)",
        "x.var(ddof=1)",
        "x.max(axis=1)",
        "x.min()",
        "x.cumsum(axis=0)",
        "x.cumprod()",
        "x.reshape(3, 2)",
        "x.reshape((3, 2))",
        "x.reshape(-1)",
        'x.reshape(3, 2, order="F")',
        "x.transpose()",
        "x.transpose(1, 0)",
        "x.transpose((1, 0))",
        "x.ravel()",
        'x.flatten("F")',
        "x.reshape(1, 2, 3).squeeze()",
        "x.swapaxes(0, 1)",
        "x.repeat(2, axis=0)",
        "x.take([0, 2], axis=1)",
        "x.clip(0.0, 1.0)",
        "x.round(1)",
        "x.conj()",
        "x.copy()",
        "x.astype(np.float32)",
        "x.diagonal()",
        "x.trace()",
        "x.dot(np.ones(3))",
        "x.real",
        "x.imag",
        "x[1]",
        "x[:, ::-1]",
        "x[x > 0]",
    ],
)
def test_methods_are_those_of_an_ndarray(code):
    a = np.array([[0.5, -1.25, 2.0], [3.0, 0.25, -0.75]])
    x = Variable(a.copy())
    y, expected = run(code, x), np.asarray(run(code, a))
    assert isinstance(y, Variable)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(y.data, expected)
    np.sum(y).backward()
    assert x.grad.shape == a.shape


def test_loop_over_parts_does_not_make_an_array_for_each(run_child):
    """2000 gradients of 2000 x 500 elements would take 16 GB, one after the other or together."""
    code = """
        import resource
        import numpy as np
        from fastgrad import Variable

        x = Variable(np.ones((2000, 500)))
        y = 0.0
        for i in range(2000):
            y = y + x[i] * float(i)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        y.backward()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000)
        assert np.array_equal(x.grad, np.arange(2000.0)[:, None] * np.ones(500))
    """
    assert run_child(code) == "True\n"
