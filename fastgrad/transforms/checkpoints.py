"""What is kept for a gradient, and what gets none: checkpoint, stop_gradient."""

import functools

from fastgrad._core import ends, engine, recorded
from fastgrad._core.function import Function
from fastgrad._core.graph import variable_like
from fastgrad._core.handles import end_arguments, enter_origin, leave_origin
from fastgrad.config import Config
from fastgrad.transforms.arguments import differentiating, identity, recording, transform
from fastgrad.trees import flatten, is_float, rebuild
from fastgrad.variable import Variable


def stop_gradient(tree):
    """The same values, as constants: no gradient passes. For a Variable, or a nest of them.

    >>> from fastgrad import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    leaves, structure = flatten(tree)
    return rebuild(
        structure,
        [variable_like(x, x.data, False) if isinstance(x, Variable) else x for x in leaves],
    )


class Checkpoint(Function):
    """A function that keeps its arguments alone, and is computed again for its gradients."""

    differentiable = True

    def __init__(self, fun, structure, constants):
        self.fun, self.structure, self.constants = fun, structure, constants

    def values(self, xs):
        """The outputs of the function, and their structure, with `xs` for the Variables."""
        free = iter(xs)
        leaves = [next(free) if is_free else x for is_free, x in self.constants]
        args, kwargs = rebuild(self.structure, leaves)
        with differentiating(*xs):
            return flatten(recording(self.fun)(*args, **kwargs))

    def compute(self, xs):
        """The outputs, once, to see which are Variables, and what they depend on."""
        vs = [variable_like(x, x.data, True) for x in xs]
        origin, before = enter_origin()
        try:
            self.ys, self.outputs_structure = self.values(vs)
        finally:
            leave_origin(before)
        if ends.depend(list(self.ys), vs, origin):
            raise TypeError(
                "checkpoint: the function uses a Variable that is not among its arguments: its "
                "gradient would be lost; pass it as one"
            )
        self.free = [isinstance(y, Variable) and y.requires_grad for y in self.ys]
        # No gradient of what `fun` kept of them would pass to the arguments proper.
        end_arguments(vs, alone=True, constants=False)

    def forward(self, *xs):
        """The outputs that have gradients, as `compute` found them."""
        return tuple(y.data for y, is_free in zip(self.ys, self.free, strict=True) if is_free)

    def backward(self, *gys):
        """The function computed again, and its gradients."""
        recorded_now = Config.enable_backprop
        vs = [identity(x) if recorded_now else variable_like(x, x.data, True) for x in self.inputs]
        ys, _ = self.values(vs)
        ys = [y for y, is_free in zip(ys, self.free, strict=True) if is_free]
        pairs = [(y, gy) for y, gy in zip(ys, gys, strict=True) if gy is not None]
        ys, gys = [y for y, _ in pairs], [gy for _, gy in pairs]
        if Config.enable_backprop:
            gxs = recorded.gradients(ys, gys, vs, False)
        else:
            gxs = engine.gradients(ys, [gy.data for gy in gys], vs)
        end_arguments(vs, alone=True, constants=False)
        return tuple(gxs)


@transform
def checkpoint(fun):
    """`fun`, of which nothing is kept for the gradient but its arguments: it is computed again.

    Memory for time: of a long chain of checkpointed functions only the values between them are
    kept. `fun` must compute the same again. A Variable that it uses without being passed is a
    TypeError, for its gradient would be lost.

    >>> import numpy as np
    >>> from fastgrad import grad
    >>> grad(checkpoint(lambda x: np.sum(np.sin(x) ** 2)))(np.array([0.0, np.pi / 4]))
    array([0., 1.])
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        leaves, structure = flatten((args, kwargs))
        free = [isinstance(x, Variable) and is_float(x) and x.requires_grad for x in leaves]
        if not any(free) or not Config.enable_backprop:
            return fun(*args, **kwargs)
        pairs = list(zip(free, leaves, strict=True))
        f = Checkpoint(fun, structure, [(is_free, None if is_free else x) for is_free, x in pairs])
        xs = [x for is_free, x in pairs if is_free]
        f.compute(xs)
        if any(f.free):
            made = f(*xs)
            made = iter(made if isinstance(made, list) else [made])
            outputs = [
                next(made) if is_free else y for y, is_free in zip(f.ys, f.free, strict=True)
            ]
        else:
            outputs = f.ys
        f.ys = None  # they hold what is not to be kept
        return rebuild(f.outputs_structure, outputs)

    return wrapped
