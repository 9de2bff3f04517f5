"""Samples of fastgrad.functions.special: SciPy's functions where SciPy is installed.

NumPy has none of them: `tests/rows/test_conventions_special.py` compares the values with formulas.
"""

import importlib.util

import numpy as np

from fastgrad.functions import special
from samples.sample import Sample, complex_normal, distinct, normal, uniform


def sample(name, *args, **kwargs):
    """A sample of `special.<name>`; options of the sample itself begin with an underscore."""
    options = {key[1:]: kwargs.pop(key) for key in list(kwargs) if key.startswith("_")}
    return Sample(f"special.{name}", args, kwargs, function=getattr(special, name), **options)


SMOOTH = "sigmoid log_sigmoid softplus silu gelu".split()
KINKED = "relu leaky_relu elu".split()
ALONG = "softmax log_softmax logsumexp".split()

SAMPLES = [
    *(sample(name, normal(*shape) * 3) for name in SMOOTH for shape in [(2, 3), (1,), (0, 2)]),
    *(sample(name, np.asarray(0.7)) for name in SMOOTH + KINKED),
    *(sample(name, np.array([-900.0, -40.0, 40.0, 900.0])) for name in SMOOTH),
    *(sample(name, distinct(*shape) * 3) for name in KINKED for shape in [(2, 3), (1,), (0, 2)]),
    sample("leaky_relu", distinct(2, 3), 0.3),
    sample("leaky_relu", distinct(2, 3), negative_slope=0.0),
    sample("elu", distinct(2, 3), 0.3),
    sample("elu", distinct(2, 3), alpha=1.7),
    sample("gelu", normal(2, 3), approximate=True),
    *(sample(name, normal(2, 3, 2)) for name in ALONG),
    *(sample(name, normal(2, 3, 2), axis=axis) for name in ALONG for axis in (0, -2, (0, 2), None)),
    *(sample(name, normal(2, 3, 2), 1) for name in ALONG),
    *(sample(name, normal()) for name in ("logsumexp",)),
    *(sample(name, normal(), axis=None) for name in ("softmax", "log_softmax")),
    *(sample(name, normal(0, 3), axis=1) for name in ALONG),
    *(sample(name, normal(3, 0), axis=0) for name in ALONG),
    *(sample(name, np.array([[1000.0, 1001.0], [-1000.0, -1001.0]]), axis=1) for name in ALONG),
    *(sample("logsumexp", normal(2, 3, 2), axis, True) for axis in (0, -1, (1, 2), None)),
    sample("logsumexp", normal(2, 3, 2), axis=(0, 1), keepdims=False),
    sample("logsumexp", np.array([[-np.inf, 1.0, 3.0], [2.0, -np.inf, -np.inf]]), axis=1),
    *(sample(name, complex_normal(2, 3), axis=1) for name in ALONG),
]

if importlib.util.find_spec("scipy"):
    REAL_LINE = "erf erfc erfcx ndtr log_ndtr expit i0 i1".split()
    RIGHT_OF_0 = "gamma gammaln digamma".split()
    SAMPLES += [
        *(sample(name, normal(*shape)) for name in REAL_LINE for shape in [(2, 3), (), (0, 2)]),
        *(sample(name, uniform(0.5, 4, *shape)) for name in RIGHT_OF_0 for shape in [(2, 3), ()]),
        *(sample(name, uniform(-0.9, -0.1, 3)) for name in RIGHT_OF_0),
        *(sample("polygamma", n, uniform(0.5, 4, 3), _float32=False) for n in (0, 1, 3)),
        *(sample(name, complex_normal(3)) for name in ("erf", "erfc")),
        sample("i1", np.array([0.0, 1e-3, -2.0])),
        sample("erfinv", uniform(-0.9, 0.9, 2, 3)),
        sample("log_ndtr", np.array([-60.0, -5.0, 8.0])),
        sample("logit", uniform(0.1, 0.9, 2, 3)),
        *(sample(name, uniform(0.5, 3, 2, 3), uniform(0.5, 3, 3)) for name in ("beta", "betaln")),
        *(sample(name, uniform(0.5, 3, 3), 1.5, _float32=False)
          for name in ("beta", "betaln", "xlogy", "xlog1py")),
        *(sample(name, normal(2, 3), uniform(0.5, 3, 3)) for name in ("xlogy", "xlog1py")),
        sample("gelu", normal(2, 3), False),
        sample("gelu", normal(3), approximate=False),
    ]  # fmt: skip
