"""compat.autograd beside HIPS autograd itself, where that is installed: the same results of both.

Kinds, shapes and dtypes are compared too, but for what docs/compat.md lists: a NumPy scalar may
come for a 0-d array. What raises must raise the same type on both.
"""

import importlib

import numpy as onp
import pytest

pytest.importorskip("autograd", reason="HIPS autograd is not installed")

X = onp.array([0.3, -1.2, 2.1])
A = onp.arange(9.0).reshape(3, 3) + 3 * onp.eye(3)
Z = onp.array([0.3 + 1j, 2 - 1j])


class Front:
    """One of the two packages: its names, those of its `numpy`, and its modules."""

    def __init__(self, name):
        self.package = name
        self.np = self.module("numpy")
        for module in ("extend", "core", "tracer", "builtins"):
            setattr(self, module, self.module(module))

    def module(self, name):
        return importlib.import_module(f"{self.package}.{name}")

    def __getattr__(self, name):
        return getattr(importlib.import_module(self.package), name)


def primitive(m, f, *rules, **kwargs):
    """A primitive of that package."""
    made = m.extend.primitive(f)
    m.extend.defvjp(made, *rules, **kwargs)
    return made


def weighted(m):
    return primitive(
        m, lambda x, y: m.np.sum(x**2 * y),
        lambda ans, x, y: lambda g: g * 2 * x * y, lambda ans, x, y: lambda g: m.np.sum(g * x**2),
    )  # fmt: skip


def pair(m):
    return primitive(m, lambda x: (x**2, m.np.sum(x)), lambda ans, x: lambda g: g[0] * 2 * x + g[1])


def of_nest(m):
    return primitive(m, lambda p, n: p[0] * p[1] * n,
                     lambda ans, p, n: lambda g: [g * p[1] * n, g * p[0] * n], None)  # fmt: skip


def forward(m):
    f = m.extend.primitive(lambda x, y: x * y**2)
    m.extend.defjvp(f, "same", lambda g, ans, x, y: 2 * g * x * y)
    return f


def space(m, value):
    s = m.core.vspace(value)
    one = s.ones()
    return [s.zeros(), one, list(s.standard_basis()), s.inner_prod(one, one), s.covector(one),
            s.add(one, one), s.scalar_mul(one, 2.0)]  # fmt: skip


def seen(m, f, x):
    """What `f` returns of a box for `x`."""
    found = []
    m.grad(lambda x: found.append(f(x)) or m.np.sum(x))(x)
    return found


# By lines, `name: expression`, of the package `m`.
CASES = """
list: m.grad(lambda x: x[0] * x[1])([1.0, 2.0])
dict: m.grad(lambda p: m.np.sum(p["w"] * X) + p["b"][0])({"w": X, "b": [1.0, 2.0]})
dict sorted: m.grad(lambda p: sum(m.np.sum(v**2) for k, v in sorted(p.items())))({"a": X, "b": 2.0})
list slice: m.grad(lambda p: p[1:][0] * p[0])([1.0, 2.0])
list add: m.grad(lambda p: (p + [3.0])[2] * p[0])([1.0, 2.0])
list radd: m.grad(lambda p: ([3.0] + p)[1] * p[0])([1.0, 2.0])
unused: m.grad(lambda p: p["a"] * 1.0)({"a": 1.0, "b": X})
list of int: m.grad(lambda x: x[0] * 2.0)([1.0, 2])
int: m.grad(lambda x: x**2)(1)
numpy int: m.grad(lambda x: x**2)(onp.int64(1))
int array: m.grad(lambda x: m.np.sum(x / 2))(onp.array([1, 2]))
bool array: m.grad(lambda x: m.np.sum(x * 2.0))(onp.array([True]))
one element: m.value_and_grad(lambda x: m.np.sum(x**2) * onp.ones((1, 1)))(X)
no scalar: m.grad(lambda x: x)(X)
complex output: m.grad(lambda x: x * 1j)(1.0)
output None: m.grad(lambda x: None)(1.0)
output int: m.grad(lambda x: 1)(1.0)
output bool: m.grad(lambda x: x > 0)(1.0)
output float: m.grad(lambda x: 1.0)(1.0)
argnums: m.value_and_grad(lambda x, y: x * y, [1, 0])(1.0, 2.0)
argnum -1: m.grad(lambda x, y: x * y, -1)(1.0, 2.0)
argnum 2: m.grad(lambda x, y: x * y, 2)(1.0, 2.0)
argnums twice: m.grad(lambda x, y: x * y, (0, 0))(1.0, 2.0)
no argnums: m.grad(lambda x, y: x * y, [])(1.0, 2.0)
jacobian of (): m.jacobian(lambda x: x**2)(2.0)
jacobian to (1, 1): m.jacobian(lambda x: m.np.sum(x**2) * onp.ones((1, 1)))(X)
jacobian of (1, 1): m.jacobian(lambda x: m.np.sum(x**2) * X)(onp.ones((1, 1)))
jacobian 2-d: m.jacobian(lambda x: m.np.dot(x, x))(A)
jacobian complex: m.jacobian(lambda x: x**2)(Z)
jacobian real of complex: m.jacobian(lambda x: m.np.real(x * m.np.conj(Z)))(Z)
jacobian to complex: m.jacobian(lambda x: x * 1j)(X)
jacobian of list: m.jacobian(lambda x: [x, x])(1.0)
jacobian of constant: m.jacobian(lambda x: onp.ones(2))(1.0)
hessian: m.hessian(lambda x: m.np.sum(x**3))(X)
hessian to (1,): m.hessian(lambda x: m.np.sum(x**3) * onp.ones(1))(X)
hessian of vector: m.hessian(lambda x: x**3)(X)
hessian 2-d: m.hessian(lambda x: m.np.sum(m.np.dot(x, x)))(A)
elementwise_grad: m.elementwise_grad(lambda x: m.np.dot(A, x))(X)
elementwise_grad complex: m.elementwise_grad(lambda x: x * 1j)(X)
deriv complex: m.deriv(lambda x: x**2)(1 + 2j)
deriv: m.deriv(lambda x: x**3)(X)
holomorphic_grad: m.holomorphic_grad(lambda x: m.np.sin(x) * x)(1 + 2j)
holomorphic_grad twice: m.holomorphic_grad(m.holomorphic_grad(m.np.sin))(1 + 2j)
holomorphic_grad of vector: m.holomorphic_grad(lambda x: x**2)(Z)
make_vjp: m.make_vjp(lambda x: x**2)(X)[0](X)
make_vjp of tuple: m.make_vjp(lambda x: m.tuple((x, x**2)))(3.0)[0]((1.0, 2.0))
make_vjp complex: m.make_vjp(lambda x: m.np.conj(x) * x)(Z)[0](Z)
make_vjp of dict: m.make_vjp(lambda x: m.dict({"a": x**2, "b": x}))(X)[0]({"a": X, "b": X})
make_jvp: m.make_jvp(lambda x, y: x * y, (0, 1))(3.0, 4.0)((1.0, 1.0))
make_jvp of dict: m.make_jvp(lambda p: p["a"] * p["b"])({"a": X, "b": 2.0})({"a": X, "b": 1.0})
make_jvp to tuple: m.make_jvp(lambda x: m.tuple((x**2, x[0])))(X)(X)
make_hvp: m.make_hvp(lambda x: m.np.sum(x**3))(X)[0](X)
make_ggnvp: m.make_ggnvp(lambda x: m.np.tanh(m.np.dot(A, x)))(X)(X)
hessian_tensor_product: m.hessian_tensor_product(lambda x: m.np.sum(m.np.sin(x) ** 2))(A, A)
tensor_jacobian_product: m.tensor_jacobian_product(m.np.sin)(X, X)
grad_and_aux: m.grad_and_aux(lambda x: (m.np.sum(x**2), x * 2))(X)
grad_named: m.grad_named(lambda a, b: a * b, "b")(2.0, 3.0)
checkpoint: m.hessian(m.checkpoint(lambda x: m.np.sum(m.np.sin(x) ** 2)))(X)
rules: m.grad(weighted(m), (0, 1))(X, 2.0)
rules twice: m.jacobian(m.grad(weighted(m)), 1)(X, 2.0)
rules of pair: m.hessian(lambda x: m.np.sum(pair(m)(x)[0]) * pair(m)(x)[1])(X)
rules of nest: m.grad(lambda p: of_nest(m)(p, 2.0))([3.0, 4.0])
rule None: m.grad(primitive(m, lambda x, n: x * n, lambda ans, x, n: lambda g: g * n, None), 1)(2.0, 3.0)
rule missing: m.grad(primitive(m, lambda x, n: x * n, lambda ans, x, n: lambda g: g * n), 1)(2.0, 3.0)
no rule: m.grad(m.extend.primitive(lambda x: x))(2.0)
output of primitive: m.grad(primitive(m, lambda x: 3, lambda ans, x: lambda g: g))(2.0)
jvp rules: m.make_jvp(forward(m), (0, 1))(2.0, 3.0)((1.0, 2.0))
no vjp: m.grad(forward(m))(2.0, 3.0)
jvp rules twice: m.deriv(m.deriv(lambda x: forward(m)(x, x)))(2.0)
notrace: m.grad(lambda x: x * m.extend.notrace_primitive(lambda x: x**2)(x))(2.0)
plain inside: seen(m, lambda x: m.tracer.isbox(m.jacobian(lambda y: y**2)(X)), 3.0)
captured: seen(m, lambda x: [m.tracer.isbox(y) for y in m.value_and_grad(lambda y: y * x)(2.0)], 3.0)
getval: seen(m, lambda p: m.tracer.getval(p), X)
isinstance: seen(m, lambda x: [m.isinstance(x, onp.ndarray), m.type(x) is onp.ndarray], X)
questions: seen(m, lambda x: [m.np.shape(x), m.np.ndim(x), x.size, len(x), m.np.isscalar(x[0])], X)
where: [m.np.where(True, 1, 2.5), m.np.where([True, False], [1, 2], [3, 4])]
r_: m.jacobian(lambda x: m.np.r_[x, 1.0, 0:3, x**2])(X)
c_: m.jacobian(lambda x: m.np.c_[x, onp.ones(3), x**2])(X)
select: m.grad(lambda x: m.np.sum(m.np.select([x > 1, x < 0], [x**2, x**3], 4.0)))(X)
array: m.jacobian(lambda x: m.np.array([[x[0], 1.0], [x[1] * x[2], x[2]]]))(X)
eigh: m.grad(lambda x: m.np.sum(m.np.linalg.eigh(x)[0] * X))(A)
eigh U: m.grad(lambda x: m.np.sum(m.np.linalg.eigh(x, UPLO="U")[0] * X))(A)
cholesky: m.grad(lambda x: m.np.sum(m.np.linalg.cholesky(x)))(A @ A.T)
slogdet: m.grad(lambda x: m.np.linalg.slogdet(x)[1])(A)
maximum of equals: m.grad(m.np.maximum, (0, 1))(1.0, 1.0)
max of equals: m.grad(m.np.max)(onp.array([1.0, 2.0, 2.0]))
abs at 0: m.grad(m.np.abs)(0.0)
methods: m.grad(lambda x: x.sum() + x.std() + x.reshape((3, 1)).sum() + x.T.sum() + x.clip(0, 1).sum())(X)
int64: seen(m, lambda x: m.np.int64(x), X)
NumPy's: m.grad(lambda x: onp.sum(onp.sin(x) * X))(X)
""".strip().splitlines()  # noqa: E501
COMPLEX = """real imag abs angle exp sqrt sin square""".split()


def normal(x):
    """A result as it is compared: numbers as arrays."""
    if isinstance(x, (tuple, list)):
        return type(x).__name__, [normal(part) for part in x]
    if isinstance(x, dict):
        return sorted((key, normal(part)) for key, part in x.items())
    return onp.asarray(x) if isinstance(x, (onp.ndarray, onp.generic, float, complex, int)) else x


def same(x, y):
    """Whether the results are the same."""
    if isinstance(x, onp.ndarray):
        return x.shape == y.shape and x.dtype == y.dtype and onp.allclose(x, y, rtol=1e-9)
    if isinstance(x, (tuple, list)):
        return type(x) is type(y) and len(x) == len(y) and all(map(same, x, y))
    return x == y


def result(name, expression, **names):
    """What the package `name` makes of it, or the type of what it raises."""
    try:
        m = Front(name)
        return normal(eval(expression, {**globals(), "m": m, **names}))
    except Exception as error:  # noqa: BLE001 (which one, is the question)
        return type(error)


def compare(expression, **names):
    """The results of both packages are the same."""
    real = result("autograd", expression, **names)
    ours = result("fastgrad.compat.autograd", expression, **names)
    assert same(real, ours), f"autograd: {real}\nours: {ours}"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.partition(":")[0])
def test_results(case):
    compare(case.partition(": ")[2])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", COMPLEX)
def test_complex_numbers(name):
    compare(f"m.elementwise_grad(lambda x: m.np.real(m.np.{name}(x) * (1 + 2j)))(Z)")
    compare(f"m.make_jvp(lambda x: m.np.{name}(x))(Z)(Z * (1 + 0.5j))")
    compare(f"m.make_vjp(m.elementwise_grad(lambda x: m.np.real(m.np.{name}(x))))(Z)[0](Z)")


@pytest.mark.parametrize("value", [
    1.0, X, Z, [1.0, X], (1.0,), {"a": X}, onp.float32(1), 1j, 1, "s", None,
], ids=range(11))  # fmt: skip
def test_vector_spaces(value):
    compare("space(m, value)", value=value)


@pytest.mark.parametrize("dtype", [onp.float16, onp.float32, onp.complex64])
def test_dtypes(dtype):
    compare("m.value_and_grad(lambda x: m.np.real(m.np.sum(x * x)))(x)", x=onp.ones(3, dtype))
    compare("m.grad(lambda x: m.np.real(x * x))(x)", x=dtype(2))
