"""The rows of a continuous distribution, made from the derivative of its log density.

Of `z = (x - loc) / scale` and a density f(z) / scale, with s the derivative of log f:

| | x | scale |
|---|---|---|
| log density | s / scale | -(1 + z s) / scale |
| density p | p s / scale | -p (1 + z s) / scale |
| distribution function | p | -z p |
| quantile | 1 / p | z |

For `loc` the first column with the other sign, but 1 for a quantile.
"""

import inspect
import sys

import numpy as np

from fastgrad._core.arguments import holds_variable
from fastgrad._core.protocols import value
from fastgrad.op import INPUTS, OUTPUT, op
from fastgrad.scipy.rules import exact, marked, no_rule

__all__ = ["CONTINUOUS", "Family", "with_signature"]

CONTINUOUS = ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"]


def with_signature(row_name, method, names, defaults, module, vjp, batched=True):
    """A row of a method of a distribution, for which SciPy does not say what it takes.

    Operands that are left out, before one that is a Variable and passed by name, get their default.
    """
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=defaults.get(name, inspect.Parameter.empty),
        )
        for name in names
    ]

    def forward(*args, **kwargs):
        return method(*map(exact, args), **{key: exact(x) for key, x in kwargs.items()})

    forward.__signature__ = signature = inspect.Signature(parameters)
    row = op(
        row_name, forward, INPUTS | OUTPUT, vjp=vjp, batched=batched or None,
        doc=inspect.getdoc(method),
    )  # fmt: skip
    row.__module__ = module

    def answer(*args, **kwargs):
        if not holds_variable(*kwargs.values()):
            return NotImplemented
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return row(*bound.args)

    row.otherwise = answer
    return row


def scaled(xp, p, z):
    """`p * z`, and 0 where p vanishes at infinity."""
    return p * xp.where(np.isinf(value(z)) & (value(p) == 0), 0, z)


class Family:
    """A continuous distribution.

    Parameters
    ----------
    distribution : scipy.stats.rv_continuous
    score : callable
        `score(xp, z, *shapes)` is the derivative of the log density.
    shape_scores : dict
        For each shape, by name, the same for that shape.
    support : tuple
        Its ends.
    inside : float
        A point between them.
    at_end : callable, optional
        `at_end(xp, pdf, z, *shapes)`: where the density is 0 at an end of the support, and its
        derivative there, which `score` does not tell.
    log_slopes : callable, optional
        `log_slopes(xp, z, *shapes)`: the derivative of `logcdf`, where the logarithms of density
        and distribution function lose digits; that of `logsf` is the same of -z.
    """

    def __init__(self, distribution, score, shape_scores=None, support=(-np.inf, np.inf),
                 inside=0.0, at_end=None, log_slopes=None):  # fmt: skip
        self.distribution, self.score, self.support = distribution, score, support
        self.shape_scores = shape_scores or {}
        self.inside, self.at_end, self.log_slopes = inside, at_end, log_slopes
        self.shapes = list(self.shape_scores)

    def declare(self):
        """Put the rows into the module that calls."""
        names = sys._getframe(1).f_globals
        self.rows = names
        for name in CONTINUOUS:
            names[name] = self.row(name, names["__name__"])

    def row(self, method, module):
        """The row of `pdf` and the like."""
        names = ["q" if method in ("ppf", "isf") else "x", *self.shapes, "loc", "scale"]
        name = f"{self.distribution.name}_{method}"
        slopes = getattr(self, f"{method}_slope")

        def rule(of):
            def vjp(xp, g, y, *args, **kwargs):
                given = {"loc": 0.0, "scale": 1.0, **dict(zip(names, args, strict=False)), **kwargs}
                x, *shapes, loc, scale = (
                    np.asarray(x) if isinstance(x, (list, tuple)) else x
                    for x in map(given.get, names)
                )
                return g * slopes(xp, of, y, x, shapes, loc, scale)

            return vjp

        density = method in ("pdf", "logpdf")
        vjps = [
            rule(of) if density or of not in self.shapes else no_rule(name, f"the shape {of}")
            for of in ("x", *names[1:])
        ]
        return with_signature(
            name, getattr(self.distribution, method), names, {"loc": 0, "scale": 1}, module,
            tuple(vjps),
        )  # fmt: skip

    # Each returns the derivative of the output y for `of`: "x", a shape, "loc" or "scale".

    def logpdf_slope(self, xp, of, y, x, shapes, loc, scale):
        """See above; NaN where the logarithm is -inf on a whole side, or NaN."""
        z = (x - loc) / scale
        low, high = self.support
        z = marked(z, (value(z) < low) | (value(z) > high) | np.isnan(value(y)))
        if of in self.shapes:
            return self.shape_scores[of](xp, z, *shapes)
        s = self.score(xp, z, *shapes)
        return -(1 + z * s) / scale if of == "scale" else (s if of == "x" else -s) / scale

    def pdf_slope(self, xp, of, y, x, shapes, loc, scale):
        """See above; 0 where the density vanishes, but at an end of the support."""
        z = (x - loc) / scale
        none = np.asarray(value(y) == 0)
        safe = xp.where(none, self.inside, z) if np.any(none) else z
        if of in self.shapes:
            return y * self.shape_scores[of](xp, safe, *shapes)
        slope = y * self.score(xp, safe, *shapes) / scale
        if self.at_end is not None:
            for where, derivative in self.at_end(xp, self.rows["pdf"], z, none, *shapes):
                slope = xp.where(where, derivative / (scale * scale), slope)
        if of == "scale":
            return -(y / scale + scaled(xp, slope, z))
        return slope if of == "x" else -slope

    def cdf_slope(self, xp, of, y, x, shapes, loc, scale):
        """The density."""
        p = self.rows["pdf"](x, *shapes, loc, scale)
        if of != "scale":
            return p if of == "x" else -p
        return -scaled(xp, p, (x - loc) / scale)

    def sf_slope(self, xp, of, *args):
        """That with the other sign."""
        return -self.cdf_slope(xp, of, *args)

    def logcdf_slope(self, xp, of, y, x, shapes, loc, scale):
        """The density by the distribution function."""
        z = (x - loc) / scale
        if self.log_slopes is not None:
            ratio = self.log_slopes(xp, marked(z, np.isnan(value(y))), *shapes) / scale
        else:
            ratio = self.hazard(xp, y, x, shapes, loc, scale)
        return ratio if of == "x" else -ratio if of == "loc" else -scaled(xp, ratio, z)

    def hazard(self, xp, y, x, shapes, loc, scale):
        """The density by `exp(y)`; of logarithms, where that may underflow."""
        far = np.asarray(value(y) < -600)
        if not np.any(far):
            return self.rows["pdf"](x, *shapes, loc, scale) * xp.exp(-y)
        middle = value(loc) + value(scale) * self.inside
        near = self.rows["pdf"](xp.where(far, middle, x), *shapes, loc, scale)
        log_density = self.rows["logpdf"](xp.where(far, x, middle), *shapes, loc, scale)
        return xp.where(far, xp.exp(log_density - y), near * xp.exp(-xp.where(far, 0, y)))

    def logsf_slope(self, xp, of, y, x, shapes, loc, scale):
        """The same of the upper side."""
        z = (x - loc) / scale
        if self.log_slopes is not None:
            ratio = self.log_slopes(xp, -marked(z, np.isnan(value(y))), *shapes) / scale
        else:
            ratio = self.hazard(xp, y, x, shapes, loc, scale)
        return -ratio if of == "x" else ratio if of == "loc" else scaled(xp, ratio, z)

    def ppf_slope(self, xp, of, y, q, shapes, loc, scale):
        """By the density at the quantile."""
        if of == "x":
            return 1 / self.rows["pdf"](y, *shapes, loc, scale)
        return 1 + 0 * y if of == "loc" else (y - loc) / scale

    def isf_slope(self, xp, of, *args):
        """The same from above."""
        slope = self.ppf_slope(xp, of, *args)
        return -slope if of == "x" else slope
