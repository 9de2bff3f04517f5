"""HIPS autograd, on fastgrad: `import fastgrad.compat.autograd as autograd`.

>>> import fastgrad.compat.autograd.numpy as np
>>> from fastgrad.compat.autograd import grad
>>> grad(lambda x: np.sum(np.tanh(x) ** 2))(np.zeros(2))
array([0., 0.])
"""

from fastgrad.compat.autograd import core, extend, numpy, tracer, util  # noqa: F401
from fastgrad.compat.autograd.builtins import dict, isinstance, list, tuple, type
from fastgrad.compat.autograd.differential_operators import (
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
from fastgrad.compat.autograd.tracer import primitive

__all__ = [
    "checkpoint", "deriv", "dict", "egrad", "elementwise_grad", "grad", "grad_and_aux",
    "grad_named", "hessian", "hessian_tensor_product", "hessian_vector_product",
    "holomorphic_grad", "isinstance", "jacobian", "list", "make_ggnvp", "make_hvp", "make_jvp",
    "make_jvp_reversemode", "make_vjp", "multigrad_dict", "numpy", "primitive",
    "tensor_jacobian_product", "tuple", "type", "value_and_grad", "vector_jacobian_product",
]  # fmt: skip
