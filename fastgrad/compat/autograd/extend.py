"""What a program needs to differentiate functions, and types, of its own."""

from fastgrad.compat.autograd.core import (  # noqa: F401, I001
    JVPNode, SparseObject, VJPNode, VSpace, def_linear, defjvp, defjvp_argnum, defjvp_argnums,
    deflinear, defvjp, defvjp_argnum, defvjp_argnums, defvjp_is_zero, vspace,
)  # fmt: skip
from fastgrad.compat.autograd.tracer import (  # noqa: F401
    Box,
    notrace_primitive,
    primitive,
    register_notrace,
)
