"""JAX with jit: value and gradient are compiled, before anything is timed, into one function."""

import functools
from typing import ClassVar

import jax
import jax.numpy as jnp

from benchmarks.libraries import jax as eager
from benchmarks.libraries.protocol import namespace


def iterate(step, state, count):
    """The loop as an operation of JAX: written out, it would take minutes to compile."""
    return jax.lax.fori_loop(0, count, step, state)


class Adapter(eager.Adapter):
    """JAX, compiled."""

    LACKS: ClassVar = {"phases": "value and gradient are one function"}
    MOST_OPERATIONS = 100  # the chains are written out
    MOST_NODES = 10**3
    xp = namespace(jnp, iterate)

    @functools.cache  # noqa: B019 (there is one adapter a process)
    def value_and_pull(self, f, count):
        """`f` and the gradients of its sum for its `count` arguments."""

        def both(*leaves):
            y, pull = jax.vjp(f, *leaves)
            return y, pull(jnp.ones_like(y))

        return jax.jit(both)

    @functools.cache  # noqa: B019
    def value_and_grad(self, loss):
        """`loss` and its gradients for the parameters."""
        return jax.jit(jax.value_and_grad(lambda xs, constants: loss(self.xp, xs, *constants)))

    def prepare(self, f, leaves):
        self.value_and_pull(f, len(leaves)).lower(*leaves).compile()

    def record(self, f, leaves):
        return jax.block_until_ready(self.value_and_pull(f, len(leaves))(*leaves))

    def backward(self, graph, leaves):
        return graph[1]

    def evaluate(self, f, leaves):
        return jax.block_until_ready(self.evaluation(f)(*leaves))

    @functools.cache  # noqa: B019
    def evaluation(self, f):
        """`f`, compiled."""
        return jax.jit(f)

    def value_and_gradients(self, loss, parameters, constants):
        return jax.block_until_ready(self.value_and_grad(loss)(list(parameters), constants))

    def derivative(self, f):
        return super().derivative(jax.jit(f))
