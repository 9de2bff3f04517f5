"""`scipy.integrate`, differentiable: `odeint`; see `fastgrad.scipy`.

The gradient is that of the adjoint system, solved backwards from each time to the one before:
Pontryagin et al., "The Mathematical Theory of Optimal Processes" (1962); for odeint, Froehlich et
al., "Scalable inference for ordinary differential equation models" (2017), 2.4.
"""

import numpy as _np
import scipy.integrate as _scipy

from fastgrad._core.arguments import holds_variable as _holds_variable
from fastgrad._core.protocols import value as _value
from fastgrad.conversions import outside as _outside
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.op import INPUTS as _INPUTS
from fastgrad.op import OUTPUT as _OUTPUT
from fastgrad.op import op as _op
from fastgrad.trees import flatten as _flatten
from fastgrad.trees import rebuild as _rebuild
from fastgrad.variable import Variable as _Variable

__all__ = ["odeint"]

# Of the options of SciPy's `odeint`, those that suit another system, too.
_GENERAL = "rtol atol h0 hmax hmin ixpr mxstep mxhnil mxordn mxords printmessg".split()


class _System:
    """The equation `dy/dt = func(y, t, *args)`, with all parameters in one vector p."""

    def __init__(self, func, y0, t, args, options):
        self.func, self.options = func, dict(options)
        self.tfirst = self.options.pop("tfirst", False)
        self.leaves, self.structure = _flatten(args)
        self.places = [i for i, x in enumerate(self.leaves) if isinstance(x, _Variable)]
        self.shapes = [self.leaves[i].shape for i in self.places]
        moved = [self.leaves[i] for i in self.places]
        self.leaves = [None if isinstance(x, _Variable) else x for x in self.leaves]
        self.n_y, self.n_t = _np.size(_value(y0)), _np.size(_value(t))
        self.parts = [_np.ravel(_floats(x)) for x in (y0, t, *moved)]

    def split(self, u):
        """The start, the times and the parameters."""
        n = self.n_y
        return u[:n], u[n : n + self.n_t], u[n + self.n_t :]

    def rate(self, y, t, p):
        """The right side, as a vector."""
        leaves, start = list(self.leaves), 0
        for i, shape in zip(self.places, self.shapes, strict=True):
            stop = start + int(_np.prod(shape))
            leaves[i] = _np.reshape(p[start:stop], shape)
            start = stop
        args = tuple(_rebuild(self.structure, leaves))
        dy = self.func(t, y, *args) if self.tfirst else self.func(y, t, *args)
        if isinstance(dy, (list, tuple)):
            import fastgrad.numpy as xp

            dy = xp.stack(dy)
        return dy if _np.ndim(_value(dy)) == 1 else _np.reshape(dy, (-1,))

    def plain_rate(self, y, t, p):
        """That of arrays; TypeError if it is made of a Variable that is no argument."""
        dy = self.rate(y, t, p)
        if isinstance(dy, _Variable):
            if dy.requires_grad:
                raise TypeError(
                    "odeint: func uses a Variable that was not passed to it, whose gradient would "
                    "be lost; pass it in args"
                )
            return dy.data
        return dy

    def backward_options(self):
        """Those for the adjoint system; of many absolute tolerances the least."""
        options = {key: x for key, x in self.options.items() if key in _GENERAL}
        for key in ("rtol", "atol"):
            if options.get(key) is not None:
                options[key] = _np.min(options[key])
        return options

    def adjoint(self, state, t, p):
        """The rates of y, of its gradient a, and of the parameters': the latter with a minus."""
        from fastgrad.transforms import vjp

        n = self.n_y
        dy, pull = vjp(lambda y, p: self.rate(y, t, p), state[:n], p)
        ga, gp = pull(-state[n : 2 * n])
        return _np.concatenate([dy, ga, gp])


def _floats(x):
    """A Variable or an array of float64, as SciPy computes."""
    return x.astype(float) if isinstance(x, _Variable) else _np.asarray(x, float)


def _forward(u, system):
    y0, t, p = system.split(u)
    return _outside(_scipy.odeint, system.plain_rate, y0, t, (p,), **system.options)


def _vjp(xp, g, y, u, system):
    _, t, p = system.split(u)
    n, options = system.n_y, system.backward_options()
    a, gp, gts = g[-1], xp.zeros(p.shape), []
    for i in range(system.n_t - 1, 0, -1):
        gts.append(xp.sum(g[i] * system.rate(y[i], t[i], p)))
        state = xp.concatenate([y[i], a, gp])
        ends = xp.stack([t[i], t[i - 1]])
        state = odeint(system.adjoint, state, ends, (p,), **options)[1]
        if i == 1:  # where it starts does not depend on when
            gts.append(-xp.sum(state[n : 2 * n] * system.rate(y[0], t[0], p)))
        a, gp = state[n : 2 * n] + g[i - 1], state[2 * n :]
    gt = xp.stack(gts[::-1]) if gts else xp.zeros(1)
    return xp.concatenate([a, gt, gp])


_solution = _op("odeint", _forward, _INPUTS | _OUTPUT, vjp=_vjp)


def odeint(func, y0, t, args=(), **options):
    """`scipy.integrate.odeint`, differentiable for `y0`, `t`, and the Variables in `args`.

    `func(y, t, *args)` is written with functions that can be differentiated; Variables that it uses
    are passed in `args`, in tuples, lists and dicts as you like: for others, TypeError. Derivatives
    have the error that `rtol` and `atol` allow. With `full_output`, NotImplementedError.

    >>> import numpy as np
    >>> from fastgrad import grad
    >>> y = lambda k: odeint(lambda y, t, k: -k * y, np.ones(1), np.array([0.0, 1.0]), (k,))[1, 0]
    >>> print(f"{grad(y)(0.5):.6f}", f"{-np.exp(-0.5):.6f}")
    -0.606531 -0.606531
    """
    args = args if isinstance(args, tuple) else (args,)
    if not _holds_variable(y0, t, *_flatten(args)[0]):
        return _scipy.odeint(func, y0, t, args, **options)
    if options.get("full_output"):
        raise NotImplementedError("odeint: with full_output there is no derivative here")
    system = _System(func, y0, t, args, options)
    return _solution(_np.concatenate(system.parts), system)


__getattr__, __dir__ = _namespace_of(_scipy, globals())
