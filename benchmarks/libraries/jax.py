"""JAX without jit: each operation is sent on its way alone."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.libraries.protocol import Library, namespace, routines_of

jax.config.update("jax_enable_x64", True)


@jax.custom_vjp
def sine(x):
    """The sine, an operation of the user's own."""
    return jnp.sin(x)


sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, gy: (gy * jnp.cos(x),))


class Adapter(Library):
    """JAX, eager."""

    MOST_OPERATIONS = 200
    MOST_NODES = 10**4
    xp = namespace(jnp)
    routines = routines_of(jnp)

    def version(self):
        return jax.__version__

    def array(self, a):
        return jnp.asarray(a)

    def to_numpy(self, a):
        return np.asarray(a)

    def leaf(self, a):
        return jnp.asarray(a)

    def record(self, f, leaves):
        y, pull = jax.vjp(f, *leaves)
        return jax.block_until_ready(y), pull

    def backward(self, graph, leaves):
        y, pull = graph
        return jax.block_until_ready(pull(jnp.ones_like(y)))

    def value(self, graph):
        return graph[0]

    def evaluate(self, f, leaves):
        return jax.block_until_ready(f(*leaves))

    def value_and_gradients(self, loss, parameters, constants):
        function = jax.value_and_grad(lambda xs: loss(self.xp, xs, *constants))
        return jax.block_until_ready(function(parameters))

    def sine(self, x):
        return sine(x)

    def hessian(self, f):
        return self.derivative(jax.hessian(f))

    def jacobian(self, f):
        return self.derivative(jax.jacrev(f))

    def derivative(self, f):
        """`f`, waited for."""
        return lambda x: jax.block_until_ready(f(x))
