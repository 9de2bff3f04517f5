"""Samples of fastgrad.scipy, where SciPy is installed: values are compared with SciPy's own."""

import importlib.util

import numpy as np

from samples.sample import Sample, complex_normal, normal, positive_definite, uniform

SAMPLES = []
INSTALLED = importlib.util.find_spec("scipy") is not None


def add(name, *args, **kwargs):
    """A sample of `fastgrad.scipy.<name>`; options of the sample begin with an underscore."""
    import scipy

    import fastgrad.scipy

    options = {key[1:]: kwargs.pop(key) for key in list(kwargs) if key.startswith("_")}
    ours, theirs = fastgrad.scipy, scipy
    for part in name.split("."):
        module = f"scipy.{part}"
        theirs = importlib.import_module(module) if theirs is scipy else getattr(theirs, part, None)
        ours = getattr(ours, part)
    options.setdefault("forward", theirs)
    SAMPLES.append(Sample(f"scipy.{name}", args, kwargs, function=ours, **options))


def add_special():
    """Of one operand, of an order and an operand, of some operands."""
    ranges = {
        (-2, 2): "erf erfc erfcx erfi ndtr log_ndtr expit log_expit exp2 exp10 expm1 "
                 "j0 j1 i0 i1 i0e i1e",
        (0.1, 0.9): "erfinv logit ndtri entr",
        (0.3, 1.7): "erfcinv log1p cbrt",
        (0.4, 4): "gamma gammaln loggamma digamma psi rgamma y0 y1 k0 k1",
        (-1.9, -1.1): "gamma gammaln digamma rgamma gammasgn",
    }  # fmt: skip
    for (low, high), names in ranges.items():
        for name in names.split():
            for shape in ((2, 3), (), (0, 2)):
                add(f"special.{name}", uniform(low, high, *shape))
    add("special.rgamma", np.array([-3.0, -1.0, 0.0, 1e-3, 0.5, 1.0]))
    for name in "jn jv yv iv ive kv".split():
        for order in (0, 1, 2.5, -1.5):
            add(f"special.{name}", order, uniform(0.5, 4, 3), _float32=False)
    for name in "yn kn polygamma".split():
        for order in (0, 1, 3):
            add(f"special.{name}", order, uniform(0.5, 4, 3), _float32=False)
    for name in "jv iv erf erfc loggamma rgamma expm1".split():
        orders = 1 if "gamma" in name else 2
        add(f"special.{name}", *((1.5,) if name in ("jv", "iv") else ()), complex_normal(3),
            _orders=orders, _float32=False)  # fmt: skip
    for s in (1.5, 2, 4):
        add("special.zeta", s, uniform(0.5, 4, 3), _float32=False)
    for n in (2, 3):
        bessels = importlib.import_module("fastgrad.scipy.special.bessels")
        SAMPLES.append(
            Sample("scipy.special.bessel_of_order", (normal(3), n),
                   function=bessels.bessel_of_order, forward=bessels.bessel_forward)
        )  # fmt: skip
    add("special.multigammaln", uniform(2, 4, 3), 3, _float32=False)
    for name in "beta betaln xlogy xlog1py rel_entr kl_div".split():
        add(f"special.{name}", uniform(0.5, 3, 2, 3), uniform(0.5, 3, 3))
    for name in "gammainc gammaincc".split():
        add(f"special.{name}", uniform(0.5, 3, 3), uniform(0.3, 4, 2, 3), _fixed=(0,))
    for name in "gammaincinv gammainccinv".split():
        add(f"special.{name}", uniform(0.5, 3, 3), uniform(0.2, 0.8, 2, 3), _fixed=(0,))
    for name in "betainc betaincc betaincinv betainccinv".split():
        add(f"special.{name}", uniform(1, 3, 3), uniform(1, 3, 2, 1), uniform(0.2, 0.8, 2, 3),
            _fixed=(0, 1))  # fmt: skip
    for name in "logsumexp softmax log_softmax".split():
        for options in ({}, {"axis": 1}, {"axis": (0, 2)}):
            add(f"special.{name}", normal(2, 3, 2), **options)
    add("special.logsumexp", normal(2, 3), keepdims=True)
    add("special.logsumexp", normal(2, 3), b=uniform(0.5, 2, 2, 3), axis=0, _float32=False)
    add("special.logsumexp", normal(2, 3), 1, -uniform(0.5, 2, 3), True, True, _float32=False)


def add_stats():
    """All operands, and some by name."""
    points = {
        "norm": (normal(2, 3),),
        "t": (normal(2, 3), uniform(2, 5, 3)),
        "beta": (uniform(0.2, 0.6, 2, 3), uniform(1.2, 3, 3), uniform(1.2, 3, 2, 1)),
        "gamma": (uniform(1, 3, 2, 3), uniform(0.5, 3, 3)),
        "chi2": (uniform(1, 3, 2, 3), uniform(0.7, 5, 3)),
    }
    place = (uniform(-0.1, 0.1, 3), uniform(0.8, 1.5, 2, 1))
    for name, (x, *shapes) in points.items():
        fixed = tuple(range(1, 1 + len(shapes)))
        for method in "pdf logpdf cdf logcdf sf logsf".split():
            free = method in ("pdf", "logpdf")
            add(f"stats.{name}.{method}", x, *shapes, _float32=False, _fixed=() if free else fixed)
            add(f"stats.{name}.{method}", x, *shapes, *place, _float32=False,
                _fixed=() if free else fixed)  # fmt: skip
            add(f"stats.{name}.{method}", x, *shapes, scale=1.5, _float32=False,
                _fixed=() if free else fixed)  # fmt: skip
        for method in "ppf isf".split():
            add(f"stats.{name}.{method}", uniform(0.2, 0.8, 2, 3), *shapes, *place, _float32=False,
                _fixed=fixed)  # fmt: skip
    counts = [[0, 1, 2], [3, 4, 7]]
    for method in "pmf logpmf cdf logcdf sf logsf".split():
        add(f"stats.poisson.{method}", counts, uniform(0.5, 4, 3), _float32=False)
        add(f"stats.poisson.{method}", counts, uniform(0.5, 4, 2, 1), 0, _float32=False)
    x = uniform(0.1, 0.3, 2, 4)
    for method in "pdf logpdf".split():
        add(f"stats.dirichlet.{method}", x, uniform(1, 3, 3), _float32=False)
        add(f"stats.dirichlet.{method}", x[:, 0], uniform(1, 3, 3), _float32=False)
        normal_method = f"stats.multivariate_normal.{method}"
        for shape in ((3,), (4, 3), (2, 1, 3)):
            add(normal_method, normal(*shape), normal(3), positive_definite(3, 3), _orders=0,
                _float32=False)  # fmt: skip
            add(normal_method, normal(*shape), normal(3), uniform(0.5, 2, 3), _float32=False)
            add(normal_method, normal(*shape), normal(3), uniform(0.5, 2), _float32=False)
        add(normal_method, normal(4), _float32=False)
        add(normal_method, normal(4), 0.5, uniform(1, 2), _float32=False)
        add(normal_method, normal(4), None, uniform(0.5, 2), True, _float32=False)
    for cov in (uniform(0.5, 2, 3), uniform(0.5, 2)):
        add("stats.multivariate_normal.entropy", normal(3), cov, _float32=False)


def add_linalg():
    """Matrices that are far from singular."""
    a, b = normal(3, 3) / 2 + 2 * np.eye(3), normal(3, 2)
    c = a + complex_normal(3, 3) / 4
    for name in "sqrtm expm logm sinm cosm tanm sinhm coshm tanhm inv det".split():
        add(f"linalg.{name}", a / 2, _float32=False)
        add(f"linalg.{name}", c / 2, _float32=False)
    for trans in (0, 1, 2):
        for lower in (False, True):
            add("linalg.solve_triangular", a, b, trans, lower, _float32=False)
            add("linalg.solve_triangular", c, b + 1j, trans, lower, True, _float32=False)
    add("linalg.solve_triangular", a, b[:, 0])
    for right in (b, b[:, 0]):
        add("linalg.solve", a, right)
        add("linalg.solve", a, right, transposed=True)
    bands = normal(4, 6) + np.array([[0], [0], [6], [0]])
    add("linalg.solve_banded", (1, 2), bands, normal(6))
    add("linalg.solve_banded", (1, 2), bands, complex_normal(6, 2), _float32=False)
    add("linalg.solve_sylvester", a, np.eye(2) + normal(2, 2) / 4, b, _float32=False)
    add("linalg.solve_sylvester", c, np.eye(2) + complex_normal(2, 2) / 4, b + 1j, _float32=False)
    s = positive_definite(3, 3)
    for name in "cholesky eigh svd svdvals".split():
        add(f"linalg.{name}", a if "svd" in name else s, _orders=0 if name != "svdvals" else 2,
            _float32=False)  # fmt: skip


def add_others():
    """Convolutions, and an equation."""
    import scipy.integrate
    import scipy.signal

    from fastgrad.scipy import integrate, signal

    for name in "convolve correlate fftconvolve".split():
        for mode in ("full", "valid", "same"):
            add(f"signal.{name}", normal(6), normal(3), mode, _float32=False)
            add(f"signal.{name}", normal(3, 2), normal(4, 2), mode, _float32=False)
            add(f"signal.{name}", normal(5), complex_normal(2), mode=mode, _float32=False)

    SAMPLES.append(Sample("scipy.signal.convolve_axes", (normal(70), normal(65)), orders=1,
                          function=signal.convolve_axes, forward=signal.convolve_axes))  # fmt: skip
    for arrays in ((normal(6), normal(3)), (normal(3, 4), normal(5, 4))):
        SAMPLES.append(
            Sample("scipy.signal.convolve_axes", arrays,
                   function=signal.convolve_axes, forward=signal.convolve_axes)
        )  # fmt: skip

    def system(y, t, k):
        return -k * y + np.sin(t)

    SAMPLES.append(
        Sample("scipy.integrate.odeint",
               (system, normal(2), np.array([0.0, 0.5, 1.0]), (uniform(0.5, 2, 2),)),
               {"rtol": 1e-10, "atol": 1e-10}, rtol=1e-5, float32=False,
               function=integrate.odeint, forward=scipy.integrate.odeint)
    )  # fmt: skip


if INSTALLED:
    add_special()
    add_stats()
    add_linalg()
    add_others()
