"""Derivatives of functions: grad, vjp, jvp, jacobian, hessian, hvp and their kin.

Functions of arrays and numbers, and of nested tuples, lists and dicts of them, are written with
NumPy (or `fastgrad.numpy`); what comes out is a function of the same kind. Conventions are those of
JAX and HIPS autograd: a gradient has the structure of its argument, a jacobian the shape of the
output followed by that of the input, and complex gradients are not conjugated.

In a function that is being differentiated, a conversion of a Variable to an array or a number, by
which a gradient is lost, is a RuntimeError: see `fastgrad.conversions`.

Inside of a function that is being differentiated, and where an argument is a Variable, results are
Variables: so these forms nest, `grad(grad(f))`, and mix with `backward`. (In the thread of that
function: one that it starts begins anew.) A Variable that needs a gradient, and that the function
uses without being passed it, nor making it, counts as an argument: `w.data` and `stop_gradient(w)`
are its value alone.

An argument is a constant as soon as its function is differentiated no more, if the function has
kept it; what was computed from it then raises a RuntimeError when a gradient comes there. (Results
that `has_aux` returns are values, unless a captured Variable counts.)
"""

from fastgrad.transforms.arguments import differentiating, identity  # noqa: F401
from fastgrad.transforms.checkpoints import checkpoint, stop_gradient
from fastgrad.transforms.first_order import elementwise_grad, grad, gradients, value_and_grad
from fastgrad.transforms.jacobians import jacobian, jvp, vjp
from fastgrad.transforms.second_order import hessian, hessian_operator, hvp

__all__ = [
    "grad", "value_and_grad", "elementwise_grad", "vjp", "jvp", "jacobian", "hessian", "hvp",
    "hessian_operator", "gradients", "checkpoint", "stop_gradient",
]  # fmt: skip
