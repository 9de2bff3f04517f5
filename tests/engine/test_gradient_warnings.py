"""GradientWarning: arrays of recorded Variables outside of transforms; results that lead nowhere.

Within transforms conversions raise: test_conversions.py.
"""

import copy
import io
import logging
import math
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import fastgrad
from fastgrad import (
    GradientWarning,
    Variable,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)

X = np.array([0.5, 1.25, 1.9])


def warned():
    return pytest.warns(GradientWarning, match="no gradient passes")


# --- outside ---


def test_warning_comes_once_for_a_place_and_can_be_filtered(run_child):
    code = """
        import warnings
        import numpy as np
        import fastgrad
        from fastgrad import Variable

        x = Variable(np.ones(2))
        for _ in range(3):
            np.asarray(x * 2)
        np.array([x * 2, x])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                np.asarray(x * 2); np.full(2, x * 2)
        print(len(caught))
        warnings.filterwarnings("ignore", category=fastgrad.GradientWarning)
        np.asarray(x * 3)
        warnings.filterwarnings("error", category=fastgrad.GradientWarning)
        try:
            np.asarray(x * 3)
        except fastgrad.GradientWarning as e:
            print("raised")
        np.asarray(x), float(x[0]), x[0].item(), x.tolist(), (x * 2).tolist()
    """
    assert run_child(code) == "2\nraised\n"  # np.full names itself, and is another text


def test_warning_names_the_line_of_the_program(recwarn):
    warnings.simplefilter("always")
    x = Variable(X) * 2
    np.asarray(x)
    np.full(3, x)
    here = sys._getframe().f_lineno
    assert [(w.filename, w.lineno) for w in recwarn] == [(__file__, here - 2), (__file__, here - 1)]
    assert [w.category for w in recwarn] == [GradientWarning] * 2
    assert "stop_gradient(x)" in str(recwarn[0].message)


def test_default_filters_show_a_warning_once():
    code = (
        "import numpy as np\nfrom fastgrad import Variable\nx = Variable(np.ones(2))\n"
        "for _ in range(5):\n    np.asarray(x * 2)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": ":".join(p for p in sys.path if p), "PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert child.stderr.count("GradientWarning") == 1


def test_what_is_silent_outside():
    x, n = Variable(X), Variable(np.array([0, 2]))
    y, table = x * 2, np.arange(10.0)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.asarray(x), np.array([x[0].data, 1.0]), np.full(3, x)  # leaves
        losses.append(float(y[0]))
        losses += [y[0].item(), *y.tolist(), math.exp(y[0]), int(y[0]), complex(y[0])]
        losses.append("%.3f %d %s" % (y[0], y[1], y))  # noqa: UP031
        print(y, f"{y[0]:.2f}", y[0] > 1, bool(y[0]))
        logging.getLogger("quiet").warning("%.3f", y[0])
        table[n], table[n + 0], table[n[1] + 1], [1, 2, 3][n[1]], table[n[0] :]
        copy.deepcopy(y), pickle.loads(pickle.dumps(y)), repr(y), hash(y), len(y), list(y)
        np.testing.assert_allclose(y, X * 2)
        np.save(io.BytesIO(), y)
        out = np.zeros(3)
        out += y
        np.exp(y, out=np.zeros(3))
        with fastgrad.debug():
            (y * y).backward()
    with warned():
        np.asarray(n * 2.0)
    with warned():
        np.asarray(n * 2)


def test_a_walked_graph_that_was_freed_is_silent():
    x = Variable(X)
    y = np.sum(x * x)
    y.backward(retain_graph=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.asarray(y) == (X * X).sum()


# --- results that depend on nothing ---


@pytest.mark.parametrize("y", [1.0, np.float64(1.0), np.array(1.0)], ids=repr)
def test_a_result_that_depends_on_nothing_is_a_warning(y):
    def f(x):
        return y

    for transform in (
        lambda: grad(f)(X),
        lambda: value_and_grad(f)(X)[1],
        lambda: grad(f)((X, 1.0))[0],
        lambda: jacobian(f)(X),
        lambda: elementwise_grad(f)(X),
        lambda: hessian(f)(X),
        lambda: hvp(f)(X, X),
        lambda: jvp(f, (X,), (X,))[1],
        lambda: vjp(f, X)[1](np.array(1.0))[0],
    ):
        with pytest.warns(GradientWarning, match="depends on no argument"):
            assert not np.any(transform())
    with pytest.raises(ValueError, match="does not depend"):
        grad(f, unconnected="raise")(X)


def test_results_that_are_meant_to_depend_on_nothing_are_silent():
    assert grad(lambda x: stop_gradient(x))(2.0) == 0
    assert grad(grad(lambda x: 2 * x))(2.0) == 0
    w = Variable(np.array(3.0), requires_grad=False)
    assert grad(grad(lambda x: w * 2))(2.0) == 0
    assert grad(lambda x: (x, 3.0), has_aux=True)(2.0)[0] == 1
    assert jacobian(lambda x: (x, 3.0))(2.0)[1] == 0


def test_operators_of_other_libraries_take_leaves_with_a_warning():
    sparse = pytest.importorskip("scipy.sparse")
    matrix, w = sparse.csr_matrix(np.array([[1.0, 2.0], [3.0, 4.0]])), Variable(np.ones(2))
    for f in (lambda: matrix @ w, lambda: w @ matrix, lambda: np.polynomial.Polynomial([1.0]) * w):
        with warned():
            f()
    with fastgrad.no_grad():
        matrix @ w
    matrix @ Variable(np.ones(2), requires_grad=False)
    matrix @ w.data
    np.asarray(w)
