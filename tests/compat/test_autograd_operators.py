"""compat.autograd's operators: each name of autograd's documentation, by its convention.

Expected values are written from the mathematics.
"""

import numpy as onp
import pytest

import fastgrad.compat.autograd as autograd
import fastgrad.compat.autograd.numpy as np
from fastgrad.compat.autograd import (
    checkpoint,
    deriv,
    egrad,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_jvp_reversemode,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)

X = onp.array([0.3, -1.2, 2.1])
A = onp.arange(9.0).reshape(3, 3)


def cubes(x):
    """Of which the hessian is 6 diag(x)."""
    return np.sum(x**3)


def same(x, y):
    """Whether values, shapes and kinds are those expected."""
    onp.testing.assert_allclose(x, y, rtol=1e-12)
    assert onp.shape(x) == onp.shape(y)
    assert isinstance(x, (onp.ndarray, onp.generic))


# --- gradients ---


def test_grad_has_the_kind_of_its_argument():
    assert grad(lambda x: x * x)(3.0) == 6.0
    assert isinstance(grad(lambda x: x * x)(3.0), onp.float64)
    same(grad(cubes)(X), 3 * X**2)
    assert type(grad(lambda x: x * x)(onp.array(3.0))) is onp.ndarray
    assert grad(lambda x: x * x)(onp.float32(3)).dtype == onp.float32
    assert grad(cubes)(X.astype(onp.float32)).dtype == onp.float32


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 1)])
def test_an_output_of_one_element_is_a_scalar(shape):
    def f(x):
        return np.reshape(cubes(x), shape)

    same(grad(f)(X), 3 * X**2)
    value, gradient = value_and_grad(f)(X)
    same(value, onp.sum(X**3).reshape(shape))
    same(gradient, 3 * X**2)
    same(jacobian(f)(X), (3 * X**2).reshape(*shape, 3))
    same(hessian(f)(X), onp.diag(6 * X).reshape(*shape, 3, 3))


@pytest.mark.parametrize("operator", [grad, value_and_grad])
@pytest.mark.parametrize(("f", "what"), [
    (lambda x: x, r"shape \(3,\)"),
    (lambda x: np.reshape(x, (3, 1)), r"shape \(3, 1\)"),
    (lambda x: x[:0], r"shape \(0,\)"),
    (lambda x: np.sum(x) * 1j, r"shape \(\) and dtype complex128"),
    (lambda x: [x[0], x[1]], "list"),
])  # fmt: skip
def test_outputs_that_are_no_real_scalar(operator, f, what):
    with pytest.raises(TypeError, match=f"only applies to real scalar-output functions.*{what}"):
        operator(f)(X)


@pytest.mark.parametrize("y", [None, 1, "s", True, onp.int64(1), object()])
def test_outputs_that_are_in_no_vector_space(y):
    with (
        pytest.warns(UserWarning, match="Output seems independent of input"),
        pytest.raises(TypeError, match="Can't find vector space for value"),
    ):
        grad(lambda x: y)(1.0)


@pytest.mark.parametrize("x", [1, True, onp.int64(1), "s", None, object(), [1.0, 2], {"a": None},
                               onp.array([None]), onp.array(["s"])])  # fmt: skip
def test_arguments_that_cannot_be_differentiated_for(x):
    with pytest.raises(TypeError, match=r"Can't differentiate w\.r\.t\. type"):
        grad(lambda x: 1.0)(x)


def test_arrays_of_integers_have_gradients_of_floats():
    same(grad(lambda x: np.sum(x / 2))(onp.array([1, 2])), [0.5, 0.5])
    same(grad(lambda x: np.sum(x * 2.0))(onp.array([True, False])), [2.0, 2.0])


def test_output_independent_of_the_input():
    with pytest.warns(UserWarning, match="^Output seems independent of input.$") as caught:
        same(grad(lambda x: 1.5)(X), onp.zeros(3))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="Output seems independent"):
        pull, y = make_vjp(lambda x: 2.0)(X)
    assert y == 2.0
    same(pull(3.0), onp.zeros(3))
    with pytest.warns(UserWarning, match="Output seems independent"):
        same(jacobian(lambda x: onp.ones(2))(X), onp.zeros((2, 3)))


def test_argnum():
    def f(a, b, c):
        return a * b**2 * c**3

    assert grad(f)(2.0, 3.0, 4.0) == 9 * 64
    assert grad(f, 1)(2.0, 3.0, 4.0) == grad(f, argnum=onp.int64(1))(2.0, 3.0, 4.0) == 12 * 64
    assert grad(f, -1)(2.0, 3.0, 4.0) == 18 * 48
    for argnums in ((2, 0), [2, 0]):
        assert grad(f, argnums)(2.0, 3.0, 4.0) == (18 * 48, 9 * 64)
        value, gradients = value_and_grad(f, argnums)(2.0, 3.0, 4.0)
        assert (value, gradients) == (18 * 64, (18 * 48, 9 * 64))
    assert grad(f, [1])(2.0, 3.0, 4.0) == (12 * 64,)
    with pytest.raises(IndexError):
        grad(f, 3)(2.0, 3.0, 4.0)
    with pytest.raises(IndexError):
        grad(f, 1)(2.0, b=3.0, c=4.0)
    with pytest.raises(TypeError):
        grad(f, "b")


def test_other_arguments_are_passed_on():
    assert grad(lambda x, *more, k=1.0: x * more[0] * k)(2.0, 3.0, k=4.0) == 12
    assert grad(lambda x, k=5.0: x * k)(2.0) == 5
    assert grad(lambda x, k: x * k["a"])(2.0, {"a": 7.0}) == 7


def test_names_and_texts():
    def rosenbrock(x):
        return x

    assert grad.__name__ == "grad"
    assert grad.__doc__.lstrip().startswith("Returns a function which")
    assert grad(rosenbrock, 1).__name__ == "grad_of_rosenbrock_wrt_argnum_1"
    assert jacobian(rosenbrock).__doc__.startswith("    jacobian of function rosenbrock with")
    assert grad(onp.sin).__name__ == "grad_of_sin_wrt_argnum_0"
    assert grad(autograd.numpy.r_.__getitem__).__name__.startswith("grad_of_")


def test_nests_of_arrays():
    def f(p):
        return np.sum(p["w"] * X) + p["b"][0] * p["b"][1]

    gradient = grad(f)({"w": X, "b": [2.0, 3.0], "unused": onp.ones(2)})
    assert type(gradient) is dict
    assert type(gradient["b"]) is list
    same(gradient["w"], X)
    assert gradient["b"] == [3.0, 2.0]
    same(gradient["unused"], onp.zeros(2))
    assert grad(lambda p: p[0] * p[1])((2.0, 3.0)) == (3.0, 2.0)
    assert grad(lambda p: p[0][0] * p[1])(((2.0,), 3.0)) == ((3.0,), 2.0)


def test_grad_named_and_multigrad_dict():
    def f(a, b=3.0, *rest, c=5.0, **named):
        return a * b * c * (rest[0] if rest else 1.0) * named.get("d", 1.0)

    assert grad_named(f, "b")(2.0, 4.0) == 10
    assert dict(multigrad_dict(lambda a, b=3.0: a * b)(2.0)) == {"a": 3, "b": 2}
    found = multigrad_dict(f)(2.0, 4.0, 6.0, c=1.0, d=10.0)
    assert list(found) == ["a", "b", "rest", "c", "named"]
    assert found["a"] == 240
    assert found["rest"] == (80,)
    assert found["named"] == {"d": 48}


def test_grad_and_aux():
    gradient, aux = grad_and_aux(lambda x: (cubes(x), x * 2))(X)
    same(gradient, 3 * X**2)
    same(aux, 2 * X)
    assert grad_and_aux(lambda x: (x * x, {"k": "text"}))(3.0) == (6.0, {"k": "text"})


def test_elementwise_grad():
    assert egrad is elementwise_grad
    same(elementwise_grad(np.tanh)(X), 1 - onp.tanh(X) ** 2)
    same(elementwise_grad(lambda x: A @ x)(X), A.sum(0))
    same(elementwise_grad(elementwise_grad(np.sin))(X), -onp.sin(X))
    with pytest.raises(TypeError, match="real-output"):
        elementwise_grad(lambda x: x * 1j)(X)


# --- jacobians ---


def test_jacobian_shapes():
    same(jacobian(lambda x: x**2)(2.0), onp.array(4.0))
    same(jacobian(lambda x: np.array([x, x**2]))(2.0), onp.array([1.0, 4.0]))
    same(jacobian(cubes)(X), 3 * X**2)
    same(jacobian(lambda x: A @ x)(X), A)
    assert jacobian(lambda x: np.outer(x, x))(X).shape == (3, 3, 3)
    assert jacobian(lambda x: np.sum(x, axis=0))(A).shape == (3, 3, 3)
    assert jacobian(lambda x: x[:0])(X).shape == (0, 3)
    assert type(jacobian(lambda x: x**2)(2.0)) is onp.ndarray
    by_x, by_y = jacobian(lambda x, y: x * y, (0, 1))(X, 2 * X)
    same(by_x, onp.diag(2 * X))
    same(by_y, onp.diag(X))


def test_jacobian_of_what_is_no_real_array():
    with pytest.raises(TypeError, match="jacobian: the output is a list"):
        jacobian(lambda x: [x, x])(X)
    with pytest.raises(ValueError, match="complex"):
        jacobian(lambda x: x * 1j)(X)


def test_hessian():
    same(hessian(cubes)(X), onp.diag(6 * X))
    same(hessian(lambda x: x**3)(2.0), onp.array(12.0))
    same(hessian(lambda x, y: np.sum(y) * cubes(x), 0)(X, X), X.sum() * onp.diag(6 * X))
    assert hessian(lambda x: x**3)(X).shape == (3, 3, 3)
    assert hessian(lambda x: np.sum(np.sin(x) ** 2))(A).shape == (3, 3, 3, 3)


def test_products():
    v = onp.array([1.0, -2.0, 0.5])
    same(make_hvp(cubes)(X)[0](v), 6 * X * v)
    same(make_hvp(cubes)(X)[1], 3 * X**2)
    for operator in (hessian_tensor_product, hessian_vector_product):
        same(operator(cubes)(X, v), 6 * X * v)
        same(operator(lambda a, x: a * cubes(x), 1)(2.0, X, v), 12 * X * v)
    for operator in (tensor_jacobian_product, vector_jacobian_product):
        same(operator(lambda x: A @ x)(X, v), v @ A)
    same(hessian_tensor_product(lambda x: np.sum(x**3))(A, A), 6 * A * A)
    same(make_ggnvp(lambda x: A @ x)(X)(v), A.T @ A @ v)
    same(make_ggnvp(lambda x: A @ x, lambda y: np.sum(y**4))(X)(v),
         A.T @ (12 * (A @ X) ** 2 * (A @ v)))  # fmt: skip


def test_make_vjp_pulls_again_and_again():
    pull, y = make_vjp(lambda x: x**2)(X)
    same(y, X**2)
    same(pull(X), 2 * X**2)
    same(pull(onp.ones(3)), 2 * X)
    same(make_vjp(lambda a, b: a * b, 1)(X, A)[0](A), A * X)
    pull, y = make_vjp(lambda x: autograd.tuple((x**2, np.sum(x))))(X)
    assert type(y) is tuple
    same(pull((onp.ones(3), 10.0)), 2 * X + 10)
    with pytest.raises(ValueError):
        pull((onp.ones(4), 10.0))


def test_forward_mode():
    v = onp.array([1.0, -2.0, 0.5])
    y, dy = make_jvp(lambda x: x**2)(X)(v)
    same(y, X**2)
    same(dy, 2 * X * v)
    assert make_jvp(lambda a, b: a * b, (0, 1))(2.0, 3.0)((1.0, 10.0)) == (6.0, 23.0)
    same(deriv(lambda x: x**3)(X), 3 * X**2)
    assert deriv(deriv(np.sin))(0.5) == -onp.sin(0.5)
    same(make_jvp_reversemode(lambda x: x**2)(X)(v), 2 * X * v)
    y, dy = make_jvp(lambda p: {"s": p["a"] + p["b"], "k": 1.0})({"a": 1.0, "b": 2.0})(
        {"a": 1.0, "b": 1.0}
    )
    assert (y, dy) == ({"s": 3.0, "k": 1.0}, {"s": 2.0, "k": 0.0})


def test_checkpoint():
    calls = []

    def f(x, y, k=1.0):
        calls.append(0)
        return np.sum(np.sin(x) * y) * k

    same(grad(checkpoint(f), 1)(X, A, k=2.0), 2 * onp.broadcast_to(onp.sin(X), (3, 3)))
    assert len(calls) > 1
    same(hessian(checkpoint(cubes))(X), onp.diag(6 * X))


# --- complex numbers ---

Z = 1.5 + 0.5j


@pytest.mark.parametrize(("f", "expected"), [
    # For f = u + iv: du/dx - i du/dy.
    (np.real, 1.0),
    (np.imag, -1.0j),
    (lambda z: np.real(np.conj(z) * (1 + 2j)), (1 - 2j)),
    (lambda z: np.abs(z) ** 2, 2 * onp.conj(Z)),
    (lambda z: np.real(z * z), 2 * Z),
    (lambda z: np.imag(z * z), 2 * Z / 1j),
    (np.abs, onp.conj(Z) / abs(Z)),
    (np.angle, -1j / Z),
])  # fmt: skip
def test_gradients_of_complex_arguments_are_not_conjugated(f, expected):
    same(grad(f)(Z), onp.complex128(expected))
    same(grad(lambda z: f(z[0]))(onp.array([Z])), onp.array([expected], complex))


def test_holomorphic_grad():
    same(holomorphic_grad(lambda z: np.sin(z) * z)(Z), onp.cos(Z) * Z + onp.sin(Z))
    second = holomorphic_grad(holomorphic_grad(lambda z: np.sin(z)))(Z)
    same(second, -onp.sin(Z))
    with pytest.warns(UserWarning, match="not complex"):
        assert holomorphic_grad(lambda z: z**2)(2.0) == 4


def test_the_ones_of_complex_numbers():
    same(deriv(lambda z: z**2)(Z), 2 * Z * (1 + 1j))


def test_real_arguments_of_complex_computations():
    pull, _ = make_vjp(lambda x: x * (1 + 2j))(X)
    same(pull(X * 1j), -2 * X)
    same(grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(X), 6 * X)
    same(make_vjp(lambda z: z**2)(Z)[0](1j), 2j * Z)
