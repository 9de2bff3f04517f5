"""Variables that a differentiated function captures, and arguments that outlive it."""

import gc
import threading
import weakref

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import (
    Config,
    Function,
    Variable,
    checkpoint,
    elementwise_grad,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    stop_gradient,
    value_and_grad,
    vjp,
)
from fastgrad.trees import flatten

# Each takes the derivative of a function of one number, at 3.0, in some form.
FORMS = {
    "grad": lambda f: grad(f)(3.0),
    "grad of an array": lambda f: grad(f)(np.array(3.0)),
    "grad of a nest": lambda f: grad(lambda p: f(p["a"]))({"a": 3.0})["a"],
    "grad, argnums": lambda f: grad(f, (0,))(3.0)[0],
    "grad, has_aux": lambda f: grad(lambda a: (f(a), 1.0), has_aux=True)(3.0)[0],
    "value_and_grad": lambda f: value_and_grad(f)(3.0)[1],
    "elementwise_grad": lambda f: elementwise_grad(f)(3.0),
    "vjp": lambda f: vjp(f, 3.0)[1](1.0)[0],
    "jvp": lambda f: jvp(f, (3.0,), (1.0,))[1],
    "jacobian": lambda f: jacobian(f)(3.0),
    "tall jacobian": lambda f: jacobian(lambda a: f(a) * np.ones(3))(3.0)[0],
    "hvp": lambda f: hvp(lambda a: f(a) * a)(3.0, 1.0),
    "hessian": lambda f: hessian(lambda a: f(a) * a)(3.0),
    "grad of grad": lambda f: grad(grad(lambda a: f(a) * a))(3.0),
}


def scale(name):
    """The derivative of a * a * w is 2 a w; the second one of a * a * a * w is 6 a w."""
    return 18.0 if name in ("hvp", "hessian", "grad of grad") else 6.0


@pytest.mark.parametrize("name", FORMS)
def test_a_captured_variable_counts_as_an_argument(name):
    w = Variable(np.array(2.0))
    gx = FORMS[name](lambda a: a * a * w)
    c = scale(name)
    assert isinstance(gx, Variable)
    assert gx.data == 2 * c
    (gx * gx + w).backward()
    assert w.grad == 2 * 2 * c * c + 1


def test_the_issues_example():
    w = Variable(np.array(2.0))
    gx = grad(lambda a: a * a * w)(3.0)
    (gx * gx + w).backward()
    assert w.grad == 145


CAPTURED = {
    "interior": lambda w: w * 1.0,
    "cut off": lambda w: cut(w * 1.0),
    "a result of no_grad": lambda w: without_graph(w),
    "a gradient": lambda w: grad(lambda t: t * t / 2)(w),
    "a copy": lambda w: weakly(Variable(w.data)),
    "of an array": lambda w: Variable(np.full(2, 2.0)),
}


def cut(y):
    y.creator = None
    return y


@no_grad()
def without_graph(w):
    return w * 1.0


def weakly(w):
    return w


@pytest.mark.parametrize("captured", CAPTURED)
@pytest.mark.parametrize("name", FORMS)
def test_captured_variables_of_every_kind(name, captured):
    w = CAPTURED[captured](Variable(np.array(2.0)))
    gx = FORMS[name](lambda a: fnp.sum(a * a * w))
    assert isinstance(gx, Variable)
    total = fnp.sum(w.data)
    assert gx.data == total * scale(name)
    assert np.array_equal(gradients(gx, w), np.full(w.shape, scale(name)))


# What is no captured Variable: results are numbers.
OWN = {
    "made inside": lambda a: a * a * Variable(np.array(2.0)),
    "a constant made inside": lambda a: a * a * Variable(np.array(2.0), requires_grad=False),
    "made inside of an inner function": lambda a: a * a * made(),
    "computed inside without graph": lambda a: a * a * without_graph(Variable(np.array(2.0))),
    "computed of the argument without graph": lambda a: a * a * (2.0 * without_graph(a) / 3.0),
    "cut off inside": lambda a: a * a * cut(Variable(np.array(2.0)) * 1.0),
    "a value": lambda a: a * a * W.data,
    "stopped": lambda a: a * a * stop_gradient(W),
    "a captured constant": lambda a: a * a * CONSTANT,
    "an inner derivative": lambda a: a * a * grad(lambda t: t * t)(1.0),
    "an inner derivative of the argument": lambda a: a * grad(lambda t: t * t * a)(1.0),
    "checkpointed": checkpoint(lambda a: a * a * Variable(np.array(2.0))),
}
W = Variable(np.array(2.0))
CONSTANT = Variable(np.array(2.0), requires_grad=False)


def made():
    return Variable(np.array(2.0))


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("name", FORMS)
def test_what_a_function_makes_itself_is_not_captured(name, own):
    if own == "computed of the argument without graph" and name not in ("grad", "vjp", "jacobian"):
        return  # it is a constant: second derivatives differ
    gx = FORMS[name](OWN[own])
    assert not isinstance(gx, Variable), (name, own)
    assert gx == pytest.approx(2 * scale(name))


def test_nothing_outside_within_no_grad():
    w = Variable(np.array(2.0))
    with no_grad():
        assert type(grad(lambda a: a * a * w)(3.0)) is float
        assert not isinstance(vjp(lambda a: a * a * w, 3.0)[0], Variable)
    assert Config.enable_backprop


def test_threads_know_their_own():
    """One makes Variables inside while the other is outside, in turn."""
    turns = threading.Barrier(2)
    results = []

    def inside():
        def f(a):
            turns.wait()
            b = Variable(np.array(2.0))
            turns.wait()
            return a * b

        results.append(grad(f)(3.0))

    def outside():
        turns.wait()
        w = Variable(np.array(2.0))
        turns.wait()
        results.append(grad(lambda a: a * w)(3.0))

    threads = [threading.Thread(target=f) for f in (inside, outside)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["2.0", "variable(2.0)"]


# --- arguments that outlive their function ---


class Model:
    w = 3.0


@pytest.mark.parametrize("name", FORMS)
def test_a_kept_argument_is_a_constant_afterwards(name):
    kept = []

    def f(a):
        kept.append(a)
        return a * a * 2.0

    FORMS[name](f)
    gc.collect()
    if name == "grad of grad":  # there the inner argument is computed from the outer one
        with pytest.raises(RuntimeError, match="is over"):
            grad(lambda a: a * kept[0])(3.0)
        return
    for p in kept:
        y = p * 2.0
        assert p.creator is None
        assert not p.requires_grad
        assert not y.requires_grad
        assert y.creator is None
        assert y.data == 6
        assert FORMS[name](lambda a, p=p: a * a * p) == 3 * scale(name)


@pytest.mark.parametrize("name", FORMS)
def test_generations_do_not_grow_from_call_to_call(name):
    if name == "grad of grad":
        return
    model = Model()
    model.w = 3.0

    def loss(p):
        old, model.w = model.w, p
        return p * p * 2.0 + 0 * old

    for _ in range(20):
        g = FORMS[name](loss)
        assert not isinstance(g, Variable)
        model.w = model.w - 0.0 * g
        assert isinstance(model.w, Variable)
        assert model.w.generation == 0
        assert model.w.data == 3
        g = grad(loss)(model.w)
        assert isinstance(g, np.ndarray)


def test_nothing_behind_the_argument_is_walked():
    """Else a loop that unrolls steps of gradient descent would take n**2 steps."""
    w = Variable(np.array(2.0))
    t = w * 3.0
    t.backward(retain_graph=False)
    y = t * 1.0
    assert grad(lambda a: a * a)(y) == 12
    gy = gradients(y * y, y, create_graph=True)
    assert gy == 12
    with pytest.raises(RuntimeError, match="released"):
        gy.backward()


@pytest.mark.parametrize("name", FORMS)
def test_what_was_computed_from_an_argument_raises_when_it_is_used_afterwards(name):
    if name == "grad of grad":
        return
    kept = []

    def f(a):
        kept.append(a * 2.0)
        return a * a * 2.0 + kept[0] * 0

    FORMS[name](f)
    w = Variable(np.array(1.0))
    for use in (
        lambda: FORMS[name](f),
        lambda: (kept[0] * w).backward(),
        lambda: (kept[0] * w).backward(create_graph=True),
        lambda: kept[0].backward(),
        lambda: gradients(kept[0] * w, w),
        lambda: gradients(kept[0] * w, w, create_graph=True),
        lambda: grad(lambda a: a * a)(kept[0]).backward(),
        lambda: grad(lambda a: checkpoint(lambda b: b * kept[0])(a))(1.0),
    ):
        with pytest.raises(RuntimeError, match=r"is over.*stop_gradient"):
            use()
    assert w.grad is None
    assert kept[0].data == 6  # the value can be read
    assert grad(lambda a: a * stop_gradient(kept[0]))(3.0) == 6


def test_arguments_that_are_variables_outside_stay():
    w, kept = Variable(np.array(3.0)), []

    def f(a):
        kept.append(a * 1.0)
        return a * a

    g = grad(f)(w)
    (g + kept[0]).backward()
    assert w.grad == 3
    w.requires_grad = True
    w.cleargrad()
    (kept[0] * 2).backward()
    assert w.grad == 2


def test_inner_arguments_kept_in_an_outer_function():
    """The inner one is over, and what it kept is a constant or depends on the outer argument."""
    kept = []

    def inner(t):
        kept.append(t)
        return t * t * t

    def f(x):
        g = grad(inner)(x)
        return g * kept[-1] + grad(inner)(2.0) * kept[-1]

    assert grad(f)(1.0) == 9  # 3 x**2 * x + 24
    f = lambda x: grad(lambda t: x * t * t)(1.0) * x  # noqa: E731
    assert grad(grad(f))(3.0) == 4


def test_pullbacks_keep_their_arguments_alive():
    for f in (lambda x: x, lambda x: x * x * 1.5, lambda x: (x, x * 2.0)[0]):
        y, pullback = vjp(f, 1.0)
        for _ in range(2):
            assert pullback(1.0)[0] in (1.0, 3.0)
    y, pullback = vjp(lambda x: x * x, 3.0)
    g = Variable(np.array(1.0))
    (gx,) = pullback(g)
    assert pullback(2.0) == (12.0,)
    del pullback
    gx.backward()
    assert g.grad == 6


def test_errors_end_the_arguments_too():
    kept = []

    def f(a):
        kept.append(a)
        raise ZeroDivisionError

    for name, form in FORMS.items():
        with pytest.raises(ZeroDivisionError):
            form(f)
        gc.collect()
        assert not kept.pop().requires_grad or name == "grad of grad"
    with pytest.raises(TypeError):
        grad(lambda a: kept.append(a) or (a, a))(1.0)
    assert not kept[0].requires_grad
    assert Variable(np.ones(3)).requires_grad


def test_auxiliary_results_are_values():
    def f(a):
        h = a * 2.0
        return h * h, {"h": h, "a": a, "n": 1}

    for aux in (
        value_and_grad(f, has_aux=True)(3.0)[0][1],
        grad(f, has_aux=True)(3.0)[1],
        vjp(f, 3.0, has_aux=True)[2],
        jacobian(f, has_aux=True)(3.0)[1],
    ):
        assert aux == {"h": 6.0, "a": 3.0, "n": 1}
        assert not any(isinstance(x, Variable) for x in flatten(aux)[0])


AUXILIARY = {
    "value_and_grad": lambda f: value_and_grad(f, has_aux=True)(3.0)[0][1],
    "grad": lambda f: grad(f, has_aux=True)(3.0)[1],
    "argnums": lambda f: grad(f, (0,), has_aux=True)(3.0)[1],
    "vjp": lambda f: vjp(f, 3.0, has_aux=True)[2],
    "jacobian": lambda f: jacobian(f, has_aux=True)(3.0)[1],
}


@pytest.mark.parametrize("name", AUXILIARY)
def test_auxiliary_results_have_captured_variables(name):
    w = Variable(np.array(2.0))
    aux = AUXILIARY[name](lambda a: (a * a, {"u": a * w, "w": w}))
    (aux["u"] + aux["w"]).backward()
    assert aux["u"].data == 6
    assert w.grad == 4


def test_graphs_of_calls_die():
    model, died = Model(), []

    def loss(p):
        model.h = fnp.tanh(p)
        died.append(weakref.ref(model.h.creator))
        return fnp.sum(model.h)

    for _ in range(3):
        grad(loss)(np.ones(2))
    assert [ref() is None for ref in died] == [True, True, False]


def test_a_function_that_keeps_its_argument_in_backward_time():
    class Keep(Function):
        differentiable = True

        def forward(self, x):
            return x * x

        def backward(self, gy):
            self.kept = gy * 2.0 * self.inputs[0]
            return self.kept

    f = Keep()
    assert grad(f)(3.0) == 6
    assert hessian(f)(3.0) == 2
    assert grad(f)(3.0) == 6


@pytest.mark.parametrize("kept", ["argument", "computed"])
@pytest.mark.parametrize("name", FORMS)
def test_what_a_checkpointed_function_keeps_raises(name, kept):
    """It would be a constant, where without the checkpoint a gradient passes through it."""
    model = Model()

    def f(x):
        model.w = x if kept == "argument" else x * 1.0
        return x * x

    assert FORMS[name](lambda a: f(a) * model.w) is not None
    with pytest.raises(RuntimeError, match=r"checkpointed.*is over.*stop_gradient"):
        FORMS[name](lambda a: checkpoint(f)(a) * model.w)
    assert FORMS[name](lambda a: checkpoint(f)(a) * stop_gradient(model.w)) is not None


def test_what_a_checkpoint_keeps_in_its_second_run_raises():
    model = Model()

    def f(x):
        model.w = x
        return x * x

    assert grad(checkpoint(f))(3.0) == 6
    w = Variable(np.array(1.0))
    with pytest.raises(RuntimeError, match="is over"):
        (model.w * w).backward()
    assert grad(lambda a: checkpoint(lambda x: x)(a) * 2.0)(3.0) == 2
