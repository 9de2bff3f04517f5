"""The clients: what pip installs, where a client's tests are, what is left out, and why."""

from dataclasses import dataclass

AUTOGRAD = "autograd==1.9.1"
NUMERIC = "numpy==2.4.6", "scipy==1.17.1"


@dataclass(frozen=True)
class Suite:
    """A client's own tests, which are never in this repository."""

    targets: tuple[str, ...]  # what pytest is told to collect
    sdist: str = ""  # the requirement whose source distribution has them
    copies: tuple[tuple[str, str], ...] = ()  # from there, to; `site:` is where packages are
    replaced: tuple[tuple[str, str], ...] = ()  # files of ours that take the place of theirs
    options: tuple[str, ...] = ()  # for pytest
    left_out: tuple[tuple[str, str], ...] = ()  # patterns of tests, and the reason

    @property
    def origin(self):
        """Where they come from, for people."""
        return self.sdist or "the installed package"


@dataclass(frozen=True)
class Client:
    """A package that is built on autograd or dezero."""

    name: str
    pins: tuple[str, ...]
    tests: Suite | None = None
    program: str = ""  # of programs/
    front: str = "autograd"  # which front end takes the place of what it imports
    without_isolation: tuple[str, ...] = ()  # what pip has to build in the environment itself
    before: str = ""  # Python run first, on both sides: what an old package needs
    close: float = 1e-6  # how far a fit's values may be apart
    closer: tuple[tuple[str, float], ...] = ()  # the same for a fit by its name
    known: tuple[tuple[str, str], ...] = ()  # patterns of tests that differ, and the reason

    @property
    def module(self):
        """The module that the front end replaces, and by which one sees whether it did."""
        return {"autograd": "autograd", "dezero": "dezero.core"}[self.front]

    def close_for(self, fit):
        """How far the values of this fit may be apart."""
        return dict(self.closer).get(fit, self.close)


# Names of 2019 that NumPy 2, SciPy and autograd 1.7 took away.
OLD_NUMPY = """\
import numpy

for name, kind in {"int": int, "float": float, "bool": bool, "object": object}.items():
    if name not in numpy.__dict__:
        setattr(numpy, name, kind)
"""
OLD_AUTOGRAD = """\
import sys
import types

import autograd.scipy.special

misc = types.ModuleType("autograd.scipy.misc")
misc.logsumexp = autograd.scipy.special.logsumexp
sys.modules.setdefault("autograd.scipy.misc", misc)
"""

LIFELINES = (
    "TestParametric or TestWeibull or TestLogNormal or TestLogLogistic or TestGeneralizedGamma "
    "or TestCustomRegression or TestMixtureCure or TestPiecewise or TestExponential or TestAFT "
    "or TestCoxPHFitterPieces"
)

CLIENTS = {
    client.name: client
    for client in (
        Client(
            "autograd",
            (AUTOGRAD, *NUMERIC),
            Suite(
                targets=("tests",),
                sdist=AUTOGRAD,
                copies=(("tests", "tests"),),
            ),
            program="hips",
            known=(
                (
                    "tests/test_fft.py::test_rfftn_odd_not_implemented",
                    "asserts that gradients of odd sizes are refused; the front end has them",
                ),
            ),
        ),
        Client(
            "autograd-gamma",
            ("autograd-gamma==0.5.0", AUTOGRAD, *NUMERIC),
            program="gamma",
        ),
        Client(
            "pymanopt",
            ("pymanopt==2.2.1", "matplotlib==3.11.2", AUTOGRAD, *NUMERIC),
            Suite(
                targets=("tests",),
                sdist="pymanopt==2.2.1",
                copies=(("tests", "tests"),),
                # Theirs seeds TensorFlow and PyTorch, which would have to be installed.
                replaced=(("tests/conftest.py", ""),),
                options=(
                    "--ignore=tests/backends/test_jax.py",
                    "--ignore=tests/backends/test_pytorch.py",
                    "--ignore=tests/backends/test_tensorflow.py",
                    "--ignore=tests/test_problem.py",  # imports TensorFlow
                    "--ignore=tests/test_examples.py",  # as many seconds as all others, no numbers
                ),
            ),
            program="pymanopt",
        ),
        Client(
            "lifelines",
            ("lifelines==0.30.3", "flaky==3.8.1", "psutil==7.2.2", "jinja2==3.1.6", AUTOGRAD,
             *NUMERIC),
            Suite(
                targets=("--pyargs", "lifelines.tests.test_estimation"),
                sdist="lifelines==0.30.3",
                copies=(("lifelines/tests", "site:lifelines/tests"),),
                # The classes that fit by autograd: those of Cox and Kaplan-Meier never call it.
                options=("--rootdir={site}", "-k", LIFELINES),
            ),
            program="lifelines",
        ),
        Client(
            "surpyval",
            ("surpyval==0.25", AUTOGRAD, *NUMERIC),
            Suite(
                targets=(
                    "--pyargs",
                    # The folder has 3 000, most of which never call autograd.
                    "surpyval.tests.univariate.parametric.test_fit",
                    "surpyval.tests.univariate.parametric.test_distributions_math",
                    "surpyval.tests.univariate.parametric.test_censored_hessian",
                    "surpyval.tests.univariate.parametric.test_confidence_bounds",
                    "surpyval.tests.test_autograd_gamma_compat_shapes",
                ),
                options=("--rootdir={site}",),
            ),
            program="surpyval",
            known=(
                (
                    "*::test_a_family_without_forward_rules_uses_reverse_once",
                    "asserts that betainc has no derivative in forward mode; the front end has one",
                ),
            ),
        ),
        Client(
            "reliability",
            ("reliability==0.9.0", AUTOGRAD, *NUMERIC),
            Suite(targets=("tests",), sdist="reliability==0.9.0", copies=(("tests", "tests"),)),
            program="reliability",
            close=1e-2,  # its optimisers stop at changes of the likelihood of 1e-3 and less
            known=(
                (
                    "tests/test_ALT_fitters.py::test_Fit_Exponential_Power",
                    "a flat optimum: 2e15 or 5 % less, of the same likelihood",
                ),
            ),
        ),
        Client(
            "pyerrors",
            ("pyerrors==2.17.0", AUTOGRAD, *NUMERIC),
            program="pyerrors",
        ),
        Client(
            "mici",
            ("mici==0.4.1", AUTOGRAD, *NUMERIC),
            Suite(
                targets=(
                    "tests/test_autodiff.py", "tests/test_interface.py", "tests/test_matrices.py",
                ),
                sdist="mici==0.4.1",
                copies=(("tests", "tests"),),
                left_out=(
                    ("*[jax-*", "another backend, which is not installed"),
                    ("*-jax]", "another backend, which is not installed"),
                    ("*-jax-*", "another backend, which is not installed"),
                ),
            ),
            program="mici",
        ),
        Client(
            "autoptim",
            ("autoptim==0.3", AUTOGRAD, *NUMERIC),
            Suite(("--pyargs", "autoptim.test_private"), options=("--rootdir={site}",)),
            program="autoptim",
        ),
        Client(
            "ssm",
            ("setuptools==65.5.0", "wheel==0.48.0", "cython==0.29.37", "matplotlib==3.11.2",
             "scikit-learn==1.9.1", "tqdm==4.70.1", AUTOGRAD, *NUMERIC),
            without_isolation=("ssm==0.0.1",),
            before=OLD_NUMPY + OLD_AUTOGRAD,
            program="ssm",
        ),
        Client(
            "ceviche",
            ("ceviche==0.1.3", AUTOGRAD, *NUMERIC),
            before=OLD_NUMPY,
            program="ceviche",
        ),
        Client(
            "pennylane",
            ("pennylane==0.45.1", "pytest-mock==3.17.0", "flaky==3.8.1", "autograd==1.8.0",
             *NUMERIC),
            Suite(
                targets=("{site}/tests/math", "{site}/tests/optimize", "{site}/tests/kernels"),
                options=("--rootdir={site}", "--confcutdir={site}"),
            ),
            program="pennylane",
        ),
        Client(
            "dezero",
            ("dezero==0.0.13", "matplotlib==3.11.2", *NUMERIC),
            front="dezero",
            before=OLD_NUMPY,
            program="dezero",
        ),
    )
}  # fmt: skip
