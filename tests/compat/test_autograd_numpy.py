"""compat.autograd.numpy: NumPy's names, what of them differs, boxes and vector spaces."""

import copy
import math

import numpy as onp
import pytest

import fastgrad
import fastgrad.compat.autograd as autograd
import fastgrad.compat.autograd.numpy as np
from fastgrad.compat.autograd import grad, jacobian
from fastgrad.compat.autograd.builtins import DictBox, SequenceBox
from fastgrad.compat.autograd.core import vspace
from fastgrad.compat.autograd.numpy.numpy_boxes import ArrayBox
from fastgrad.compat.autograd.numpy.numpy_vjps import match_complex, unbroadcast, unbroadcast_f
from fastgrad.compat.autograd.numpy.numpy_wrapper import metadata, wrap_namespace
from fastgrad.compat.autograd.tracer import getval, isbox

X = onp.array([0.3, -1.2, 2.1])


def inside(f, x=X):
    """What `f` returns of a box for `x`."""
    found = []

    def differentiated(x):
        found.append(f(x))
        return np.sum(x)

    grad(differentiated)(x)
    return found[0]


# --- names ---


def test_the_namespace_has_numpys_names():
    modules = {"fft", "linalg", "random"}
    for module, ours in ((onp, np), *((getattr(onp, m), getattr(np, m)) for m in modules)):
        names = {n for n, x in vars(module).items()
                 if n[0] != "_" and type(x) is not type(onp)}  # fmt: skip
        assert names <= set(dir(ours))
        assert not any(type(vars(ours)[n]) is type(onp) for n in names)
    assert np.pi == onp.pi
    assert np.float32 is onp.float32
    assert np.ndarray is onp.ndarray
    assert np.linalg.LinAlgError is onp.linalg.LinAlgError
    assert np.random.RandomState is onp.random.RandomState
    assert np.__version__ == onp.__version__


def test_functions_have_no_frame_around_fastgrads():
    assert np.sin is fastgrad.sin
    assert np.zeros is onp.zeros
    namespace = {}
    wrap_namespace(onp.linalg.__dict__, namespace)
    assert namespace["solve"] is fastgrad.numpy.linalg.solve


# --- lists of boxes ---

REDUCTIONS = """sum mean std var max min prod cumsum cumprod amax amin sort ptp median average
nansum nanmean linalg.norm ravel array stack hstack vstack concatenate atleast_1d""".split()


@pytest.mark.parametrize("name", REDUCTIONS)
def test_lists_of_boxes(name):
    f = np
    for part in name.split("."):
        f = getattr(f, part)

    def of_list(x):
        return np.sum(np.array(f([x[:1], 2 * x[1:2], x[2:], onp.array([0.1])])) ** 2)

    def of_array(x):
        parts = np.concatenate([x[:1], 2 * x[1:2], x[2:], onp.array([0.1])])
        return np.sum(f(parts.reshape(4, 1)) ** 2)

    onp.testing.assert_allclose(grad(of_list)(X), grad(of_array)(X))
    assert onp.any(grad(of_list)(X) != 0)


@pytest.mark.parametrize("name", "concatenate stack hstack vstack dstack column_stack".split())
def test_iterators(name):
    def f(make):
        return lambda x: np.sum(np.sin(getattr(np, name)(make(x))))

    parts = [lambda x: (i * x for i in (1, 2)), lambda x: map(np.sin, [x, x]),
             lambda x: {"a": x, "b": 2 * x}.values(), lambda x: np.array([x, x])]  # fmt: skip
    for make in parts:
        onp.testing.assert_allclose(grad(f(make))(X), grad(f(lambda x: list(make(x))))(X))  # noqa: B023


def test_arrays_of_nested_lists():
    def f(x):
        return np.array([[x[0], 1.0], [x[1] * x[2], x[2]]])

    expected = onp.zeros((2, 2, 3))
    expected[0, 0, 0] = expected[1, 1, 2] = 1
    expected[1, 0] = [0, X[2], X[1]]
    onp.testing.assert_allclose(jacobian(f)(X), expected)
    assert inside(lambda x: np.array([x, x], dtype=onp.float32)).dtype == onp.float32
    onp.testing.assert_allclose(jacobian(lambda x: np.append(x, [x[0], 2.0]))(X)[3], [1, 0, 0])


# --- what differs from NumPy ---


@pytest.mark.parametrize(("args", "expected"), [
    ((True, 1, 2), 1), ((True, 3.0, 4.0), 3.0), ((False, 1, 2.0), 2.0),
    ((True, [1, 2], [3, 4]), [1, 2]), (([True, False], 1, 2), [1, 2]),
])  # fmt: skip
def test_where_of_pythons_own(args, expected):
    found = np.where(*args)
    assert found == expected
    assert type(found) is type(expected)


def test_where():
    a, b, c = onp.array([1.0, 2.0]), onp.array([3.0, 4.0]), [True, False]
    for found in (np.where(c, a, b), np.where(condition=c, x=a, y=b), np.where(c, a, y=b)):
        onp.testing.assert_array_equal(found, [1, 4])
    assert type(np.where(True, onp.float32(1), 2)) is not float
    onp.testing.assert_array_equal(np.where(c)[0], [0])
    with pytest.raises(ValueError, match="either both or neither"):
        np.where(c, a)
    onp.testing.assert_array_equal(grad(lambda x: np.sum(np.where(X > 0, x, 1.0)))(X), X > 0)
    assert inside(lambda x: isbox(np.where([True], [x[0]], [1.0])))


def test_r_and_c():
    def f(x):
        return np.r_[x, 1.0, 0:3, x**2, x[0]]

    onp.testing.assert_array_equal(getval(inside(f)), onp.r_[X, 1.0, 0:3, X**2, X[0]])
    expected = onp.zeros((11, 3))
    expected[:3], expected[7:10] = onp.eye(3), onp.diag(2 * X)
    expected[10, 0] = 1
    onp.testing.assert_allclose(jacobian(f)(X), expected)
    onp.testing.assert_allclose(jacobian(lambda x: np.c_[x, onp.ones(3)])(X)[:, 0], onp.eye(3))
    onp.testing.assert_allclose(jacobian(lambda x: np.r_["0,2", x, X])(X)[0], onp.eye(3))
    onp.testing.assert_allclose(jacobian(lambda x: np.r_[[x[0], 2.0], 0])(X)[0], [1, 0, 0])
    onp.testing.assert_allclose(jacobian(lambda x: np.r_[x])(X), onp.eye(3))
    onp.testing.assert_array_equal(np.r_[X, 1], onp.r_[X, 1])
    z = X + 1j
    onp.testing.assert_array_equal(getval(inside(lambda x: np.r_[x, 2j], X)), onp.r_[X, 2j])
    onp.testing.assert_array_equal(grad(lambda x: np.sum(np.real(np.r_[x, 2j])))(z), onp.ones(3))


@pytest.mark.parametrize("name", ["eigh", "eigvalsh"])
@pytest.mark.parametrize("uplo", "LU")
@pytest.mark.parametrize("dtype", [float, complex])
def test_eigenvalues_have_the_gradient_of_the_triangle_that_is_read(name, uplo, dtype):
    a = onp.random.default_rng(0).normal(size=(3, 3)).astype(dtype)
    a = a + 1j * a.T @ a if dtype is complex else a

    def f(a):
        w = getattr(np.linalg, name)(a, UPLO=uplo)
        return np.sum((w[0] if name == "eigh" else w) * onp.arange(3.0))

    gradient, eps = grad(f)(a), 1e-6
    assert f(a) == pytest.approx(float(onp.linalg.eigvalsh(a, uplo) @ onp.arange(3.0)))
    for i in onp.ndindex(3, 3):
        for unit in (1, 1j) if dtype is complex else (1,):
            d = onp.zeros((3, 3), dtype)
            d[i] = unit
            slope = (f(a + eps * d) - f(a - eps * d)) / (2 * eps)
            assert onp.real(gradient[i] * unit) == pytest.approx(slope, abs=1e-6)


def test_casts_to_integers_are_plain():
    found = inside(lambda x: np.int64(x))
    onp.testing.assert_array_equal(found, [0, -1, 2])
    assert found.dtype == onp.int64
    assert np.int32(2.7) == 2
    assert onp.zeros(1, np.int64).dtype == onp.int64


def test_questions():
    questions = inside(lambda x: [
        np.shape(x), np.ndim(x), x.size, len(x), np.iscomplexobj(x), np.result_type(x),
        np.isscalar(x), np.isscalar(x[0]), np.isscalar(2.0), np.isscalar([x]),
    ])  # fmt: skip
    assert questions == [(3,), 1, 3, 3, False, float, False, True, True, False]
    assert inside(metadata) == ((3,), 1, float, False)
    plain = inside(lambda x: [np.argmax(x), np.isnan(x), x > 0, np.sign(x) is None, x == x])
    assert not any(map(isbox, plain))


def test_what_autograd_adds():
    onp.testing.assert_array_equal(np.make_diagonal(X), onp.diag(X))
    onp.testing.assert_array_equal(
        grad(lambda x: np.sum(np.make_diagonal(x) * onp.ones(3)))(X), onp.ones(3)
    )
    with pytest.raises(NotImplementedError):
        np.make_diagonal(X, offset=1)
    assert np.parse_einsum_input("ij,j", onp.ones((2, 3)), X)[:2] == ("ij,j", "i")


# --- helpers of rules ---


def test_unbroadcast():
    g = onp.ones((2, 3))
    onp.testing.assert_array_equal(unbroadcast(g, metadata(X)), [2, 2, 2])
    onp.testing.assert_array_equal(unbroadcast(g, metadata(onp.ones((2, 1)))), [[3], [3]])
    assert unbroadcast_f(1.5, lambda g: g * 1j)(g) == 0.0
    assert unbroadcast_f(1j, lambda g: g * 1j)(g) == 6j
    onp.testing.assert_array_equal(
        grad(lambda x: unbroadcast(x * onp.ones((2, 3)), metadata(1.0)))(X), [2, 2, 2]
    )


def test_match_complex():
    assert match_complex(1.0, 2 + 1j) == 2
    assert isinstance(match_complex(1j, 2.0), complex)


# --- boxes ---


def test_array_boxes():
    def f(x):
        made = np.array([x[0], 1.0]), np.concatenate([X, x]), np.where(X > 0, x, 1.0)
        for y in (x, x * 2, 2 * x, np.sin(x), onp.exp(x), np.sum(x), x[0], x.T, X @ x, *made):
            assert type(y) is ArrayBox
            assert isbox(y)
        assert x._value is X
        assert getval(x) is X
        assert isinstance(getval(x[0]), float)
        assert str(x) == f"Autograd ArrayBox with value {X}"
        assert copy.copy(x) is copy.deepcopy(x) is x
        assert x.__array_namespace__() is np
        assert autograd.isinstance(x, onp.ndarray)
        assert autograd.isinstance(x[0], float)
        assert autograd.type(x) is onp.ndarray
        return np.sum(x)

    grad(f)(X)
    assert not isbox(X)
    assert getval(X) is X


@pytest.mark.parametrize("convert", [float, int, complex, math.sin, lambda x: x.item()])
def test_conversions_are_type_errors(convert):
    with pytest.raises(TypeError, match="a gradient is lost"):
        grad(lambda x: convert(x) * x)(1.0)
    with pytest.raises(RuntimeError, match="a gradient is lost"):
        grad(lambda x: convert(x) * x)(1.0)


def test_assignments_are_type_errors():
    def f(x):
        x[0] = 1.0

    with pytest.raises(TypeError, match="writes into the array"):
        grad(f)(X)


def test_boxes_of_containers():
    def f(p):
        assert type(p) is DictBox
        assert isinstance(p["l"], SequenceBox)
        assert isinstance(p, autograd.dict)
        assert autograd.isinstance(p, dict)
        assert autograd.type(p["l"]) is list
        assert isbox(p["l"])
        assert getval(p) == p._value == {"l": [1.0, 2.0], "t": (3.0,)}
        assert type(getval(p)) is dict
        assert type(p["l"]._value) is list
        assert list(p.iteritems()) == list(p.items())
        assert list(p.iterkeys()) == list(p)
        assert list(p.itervalues()) == list(p.values())
        assert p.get("absent", 4.0) == 4.0
        a, b = p["l"]
        return a * (p["l"] + [5.0])[2] + b * ([5.0] + p["l"])[1] * p["t"][-1]

    assert grad(f)({"l": [1.0, 2.0], "t": (3.0,)}) == {"l": [11.0, 3.0], "t": (2.0,)}


def test_pythons_containers():
    def f(x):
        for made, kind in (
            (autograd.list([x, 1.0]), list),
            (autograd.tuple([x, 1.0]), tuple),
            (autograd.dict(a=x), dict),
            (autograd.dict([("a", x)]), dict),
        ):
            assert isbox(made)
            assert isinstance(made, kind)
        return autograd.list((x, x * x))[1]

    assert grad(f)(3.0) == 6.0
    for made, kind in ((autograd.list([1]), list), (autograd.tuple([1]), tuple),
                       (autograd.dict(a=1), dict), (autograd.list(), list)):  # fmt: skip
        assert type(made) is kind
    assert isinstance([], autograd.list)
    assert not isinstance((), autograd.list)


# --- vector spaces ---


@pytest.mark.parametrize("value", [
    1.0, X, onp.float32(2), 1j, X + 1j, [1.0, X], (1.0, [2j]), {"a": X, "b": (1.0,)},
])  # fmt: skip
def test_vector_spaces(value):
    space = vspace(value)
    basis = list(space.standard_basis())
    assert len(basis) == space.size == round(space.inner_prod(space.ones(), space.ones()))
    total = space.zeros()
    for i, x in enumerate(basis):
        total = space.add(total, x)
        for j, y in enumerate(basis):
            assert space.inner_prod(x, y) == (i == j)
    assert space == vspace(total) == vspace(space.randn()) == vspace(space.covector(value))
    assert space.inner_prod(total, space.scalar_mul(space.ones(), 2.0)) == 2 * space.size
    assert space.inner_prod(space.mut_add(None, total), total) == space.size
    assert space != vspace(onp.ones(9))
    assert type(space).__name__ in repr(space)


@pytest.mark.parametrize("value", [1, "s", None, [1], onp.int64(1)])
def test_values_in_no_vector_space(value):
    with pytest.raises(TypeError, match="Can't find vector space for value"):
        vspace(value)


def test_vector_spaces_of_boxes():
    assert inside(lambda x: vspace(x) == vspace(X))
    assert inside(lambda x: vspace([x, 1.0]) == vspace([X, 1.0]))


def test_classes_of_a_programs_own():
    class Named(onp.ndarray):
        pass

    ArrayBox.type_mappings[Named] = ArrayBox
    x = X.view(Named)
    onp.testing.assert_array_equal(grad(lambda x: np.sum(x**2))(x), 2 * X)
