"""Derivatives of functions, called as HIPS autograd's are."""

import inspect
import warnings
from collections import OrderedDict

import numpy as np

import fastgrad.numpy as xp
from fastgrad import transforms
from fastgrad.compat.autograd import core
from fastgrad.compat.autograd.boxes import boxed, opened
from fastgrad.compat.autograd.differentiated import Differentiated
from fastgrad.compat.autograd.vspaces import vspace
from fastgrad.compat.autograd.wrap_util import unary_to_nary, wraps
from fastgrad.transforms.arguments import constant, ones_like, zeros_like
from fastgrad.transforms.jacobians import jacobian_blocks
from fastgrad.variable import Variable

__all__ = [
    "checkpoint", "deriv", "egrad", "elementwise_grad", "grad", "grad_and_aux", "grad_named",
    "hessian", "hessian_tensor_product", "hessian_vector_product", "holomorphic_grad", "jacobian",
    "make_ggnvp", "make_hvp", "make_jvp", "make_jvp_reversemode", "make_vjp", "multigrad_dict",
    "tensor_jacobian_product", "value_and_grad", "vector_jacobian_product",
]  # fmt: skip

make_vjp = unary_to_nary(core.make_vjp)
make_jvp = unary_to_nary(core.make_jvp)


def scalar_call(name, fun, x):
    """`fun(x)`, recorded; TypeError if it is no real scalar, of whatever shape has one element."""
    call = Differentiated(fun, x)
    y = call.value
    if call.outputs is None and isinstance(y, Variable):
        if y.size == 1 and y.dtype.kind != "c":
            return call
        what = f"has shape {y.shape} and dtype {y.dtype}"
    else:
        space = vspace(y)
        if space.size == 1 and not space.iscomplex:
            return call
        what = f"is a {type(y).__name__} of shape {space.shape}"
    raise TypeError(
        f"{name} only applies to real scalar-output functions. Try jacobian, elementwise_grad or "
        f"holomorphic_grad. (The output {what}.)"
    )


@unary_to_nary
def grad(fun, x):
    """
    Returns a function which computes the gradient of `fun` for argument `argnum`.

    It takes the arguments of `fun`, which returns a real scalar: an output of any shape that has
    one element is one. The gradient has the structure of the argument, and is plain unless it
    depends on an argument of a function outside. For a tuple or a list of argnums it is a tuple.
    TypeError for other outputs, and for arguments that are no floating numbers.

    >>> grad(lambda x, y: x * y**2, 1)(2.0, 3.0)
    np.float64(12.0)
    """
    return scalar_call("Grad", fun, x).pull_once()


@unary_to_nary
def value_and_grad(fun, x):
    """Returns a function which computes the value of `fun`, and its gradient: see `grad`.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """
    call = scalar_call("value_and_grad", fun, x)
    gx = call.pull_once()
    return call.result(), gx


@unary_to_nary
def elementwise_grad(fun, x):
    """Returns a function which computes the gradient of the sum of what `fun` returns.

    If `fun` is elementwise, that is the derivative of each element. TypeError for complex outputs.

    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    call = Differentiated(fun, x)
    if any(np.iscomplexobj(y) for y in call.ys):
        raise TypeError("Elementwise_grad only applies to real-output functions.")
    return call.pull_once()


egrad = elementwise_grad


@unary_to_nary
def deriv(fun, x):
    """Returns a function which computes the derivative of `fun` along a vector of ones.

    >>> deriv(lambda x: x**3)(2.0)
    np.float64(12.0)
    """
    call = Differentiated(fun, x)
    is_real = all(x.dtype.kind != "c" for x in call.xs)
    return call.push(None if is_real else vspace(x).ones())


@unary_to_nary
def jacobian(fun, x):
    """Returns a function which computes the jacobian: the shape of the output, then the input's.

    Arguments that are nests of arrays get a jacobian for each. TypeError if `fun` returns something
    else than an array or a number, ValueError if that is complex: it has two rows for each element.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    call = Differentiated(fun, x)
    require_array("jacobian", call)
    call.notice()
    return call.packed(made(call, jacobian_blocks(call, call.ys)[0]))


def require_array(name, call):
    """Raise if the value of the call is no array of real numbers."""
    if call.outputs is not None:
        raise TypeError(
            f"{name}: the output is a {type(call.value).__name__}, expected an array; join its "
            "parts by np.array or np.concatenate"
        )
    if np.iscomplexobj(call.value):
        raise ValueError(f"{name}: the output is complex; differentiate its parts np.real, np.imag")


def made(call, blocks):
    """Jacobians as they are returned: arrays, or boxes."""
    return [y if isinstance(y, Variable) else np.asarray(y) for y in call.outside(blocks)]


@unary_to_nary
def holomorphic_grad(fun, x):
    """Returns a function which computes the complex derivative of a holomorphic scalar `fun`.

    >>> complex(holomorphic_grad(lambda z: z**2)(1 + 2j))
    (2+4j)
    """
    if not vspace(x).iscomplex:
        warnings.warn("Input to holomorphic_grad is not complex", stacklevel=3)
    return grad(lambda z: xp.real(fun(z)))(x)


def grad_named(fun, argname):
    """`grad` for the argument of that name.

    >>> grad_named(lambda x, y: x * y, "y")(2.0, 3.0)
    np.float64(2.0)
    """
    return grad(fun, inspect.getfullargspec(fun).args.index(argname))


@unary_to_nary
def hessian(fun, x):
    """Returns a function which computes the second derivatives: of the output, then x, x.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    call = Differentiated(fun, x)
    require_array("hessian", call)
    (y,) = call.ys
    is_real = all(x.dtype.kind != "c" for x in call.xs)
    if not is_real or not isinstance(y, Variable) or y.size != 1:
        return jacobian(jacobian(fun))(x)
    call.notice()
    gxs = call.recorded([y], [ones_like(y)], call.xs)
    gxs = [constant(zeros_like(x) if g is None else g, x)
           for x, g in zip(call.xs, gxs, strict=True)]  # fmt: skip
    return call.packed([
        call.packed(made(call, [xp.reshape(block, y.shape + block.shape) for block in blocks]))
        for blocks in jacobian_blocks(call, gxs)
    ])  # fmt: skip


@unary_to_nary
def make_hvp(fun, x):
    """Returns a function which makes (v -> hessian times v, the gradient) at a point.

    >>> hvp, gx = make_hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    >>> hvp(np.array([1.0, 10.0]))
    array([  6., 120.])
    """
    return core.make_vjp(grad(fun), x)


def hessian_tensor_product(fun, argnum=0):
    """A function of (*args, tensor) that returns the hessian times a tensor of the shape of x.

    >>> hessian_tensor_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    gradient = grad(fun, argnum)

    def along(*args, **kwargs):
        *args, tensor = args
        return xp.tensordot(gradient(*args, **kwargs), tensor, np.ndim(core.getval(tensor)))

    return grad(along, argnum)


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun, argnum=0):
    """A function of (*args, tensor) that returns a tensor times the jacobian, from the left.

    >>> tensor_jacobian_product(lambda x: x**2)(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([ 2., 40.])
    """

    def along(*args, **kwargs):
        *args, tensor = args
        return xp.tensordot(tensor, fun(*args, **kwargs), np.ndim(core.getval(tensor)))

    return jacobian(along, argnum)


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun, x):
    """Returns a function which makes v -> derivative along v, the function being called once."""
    pull, y = core.make_vjp(fun, x)
    return core.make_vjp(pull, vspace(y).zeros())[0]


def half_square(x):
    """Half of the sum of squares, along the last axis."""
    return 0.5 * xp.sum(x**2, axis=-1)


def make_ggnvp(f, g=half_square, f_argnum=0):
    """Returns a function which makes v -> J^T H J v at a point.

    J is the jacobian of `f` there, H the hessian of `g`, a real scalar, at the value of `f`.
    """

    @unary_to_nary
    def make(f, x):
        pull, y = core.make_vjp(f, x)
        times_hessian, gy = core.make_vjp(grad(g), y)
        push, _ = core.make_vjp(pull, vspace(gy).zeros())
        return lambda v: pull(times_hessian(push(v)))

    return make(f, f_argnum)


@unary_to_nary
def grad_and_aux(fun, x):
    """Returns a function which computes the gradient of what `fun` returns first, and the second.

    >>> grad_and_aux(lambda x: (x**2, 3 * x))(2.0)
    (np.float64(4.0), np.float64(6.0))
    """
    call = Differentiated(fun, x)
    _, aux = call.result()
    call.only_first()
    return call.pull_once(), aux


def multigrad_dict(fun):
    """A function that returns the gradients for all arguments: a dict by their names.

    >>> dict(multigrad_dict(lambda x, y=3.0: x * y)(2.0))
    {'x': np.float64(3.0), 'y': np.float64(2.0)}
    """
    signature = inspect.signature(fun)

    def gradients(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()

        def of_arguments(arguments):
            call = inspect.BoundArguments(signature, OrderedDict(arguments))
            return fun(*call.args, **call.kwargs)

        return OrderedDict(grad(of_arguments)(dict(bound.arguments)))

    return gradients


def checkpoint(fun):
    """`fun`, of which nothing but the arguments is kept: it is computed again for its gradients.

    >>> grad(checkpoint(lambda x: np.sin(x) ** 2))(0.0)
    np.float64(0.0)
    """
    kept = transforms.checkpoint(fun)
    return wraps(fun)(lambda *args, **kwargs: boxed(kept(*opened(args), **kwargs)))
