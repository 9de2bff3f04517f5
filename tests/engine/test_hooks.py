"""`x.register_hook(f)`: hooks on gradients, see NOTE [Hooks] in notes.pyx."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import fastgrad
from fastgrad import (
    Function,
    Variable,
    grad,
    gradients,
    hessian,
    jacobian,
    jvp,
    no_grad,
    using_config,
    vjp,
)


def leaf(*values):
    return Variable(np.array(values))


def array(g):
    """A gradient as an array."""
    return g.data if isinstance(g, Variable) else g


class Split(Function):
    """(2 x, 3 x), in Python."""

    def forward(self, x):
        return 2 * x, 3 * x

    def backward(self, g2, g3):
        return (0 if g2 is None else 2 * g2) + (0 if g3 is None else 3 * g3)


class Twice(Function):
    """2 x, in Python."""

    def forward(self, x):
        return 2 * x

    def backward(self, gy):
        return 2 * gy


WAYS = {
    "compiled": lambda x: x * 2.0,
    "row": lambda x: np.cumsum(x) * 1.0,
    "Function": lambda x: Twice()(x),
    "many outputs": lambda x: Split()(x)[0],
    "a row's many": lambda x: np.split(x, [1])[1],
    "0-d": lambda x: (x * 2.0).sum(),
}


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_leaf_used_twice_is_called_once_with_the_sum_of_this_backward(create_graph):
    x, seen = leaf(1.0, 2.0), []
    x.grad = np.array([100.0, 100.0])
    x.register_hook(seen.append)
    (x * 3 + x * 4).backward(create_graph=create_graph)
    assert len(seen) == 1
    assert np.array_equal(array(seen[0]), [7, 7])
    np.testing.assert_array_equal(array(x.grad), [107, 107])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dropped", [False, True])
def test_an_interior_variable_whoever_made_it(way, dropped):
    x, seen = leaf(1.0, 2.0, 3.0), []
    y = WAYS[way](x)
    y.register_hook(lambda gy: seen.append(gy.copy()))
    y.register_hook(lambda gy: gy * 10)
    z = (y * 2 + y * y).sum()
    expected = 2 + 2 * y.data
    plain = gradients(WAYS[way](x), x, grad_outputs=expected * 10)
    if dropped:
        del y
        gc.collect()
    z.backward()
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], expected)
    np.testing.assert_array_equal(x.grad, plain)


def test_many_outputs_have_hooks_of_their_own_and_a_missing_gradient_calls_none():
    x, seen = leaf(1.0), []
    for f in (lambda x: Split()(x), lambda x: np.split(np.concatenate([x, x]), 2)):
        ys = f(x)
        for i, y in enumerate(ys):
            y.register_hook(lambda gy, i=i: seen.append(i))
        ys[1].backward()
        assert seen == [1]
        (ys[0] + ys[1]).backward()
        assert sorted(seen) == [0, 1, 1]
        seen.clear()


def test_the_order_is_that_of_registration_each_with_what_the_one_before_made():
    seen = []
    for x in (leaf(1.0), leaf(1.0) * 1.0):
        seen.clear()
        x.register_hook(lambda g: (seen.append(("a", *g)), g + 1)[1])
        x.register_hook(lambda g: seen.append(("b", *g)))
        x.register_hook(lambda g: (seen.append(("c", *g)), g * 10)[1])
        (x * 2).backward(retain_grad=True)
        assert seen == [("a", 2.0), ("b", 3.0), ("c", 3.0)]
        assert x.grad == 30


def test_a_backward_from_what_has_hooks():
    for x in (leaf(3.0), leaf(3.0) * 1.0, leaf(3.0).sum()):
        x.register_hook(lambda g: g * 5)
        x.backward(retain_grad=True)
        assert x.grad == 5


@pytest.mark.parametrize("interior", [False, True])
@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (np.ones(2), ValueError, r"has shape \(2,\), expected \(3,\)"),
        (np.ones((1, 3)), ValueError, r"has shape \(1, 3\), expected \(3,\)"),
        (1.0, ValueError, r"has shape \(\), expected \(3,\)"),
        ("text", TypeError, "is a str, expected an ndarray, a scalar or None"),
        ([1.0, 2.0, 3.0], TypeError, "is a list, expected"),
    ],
)
def test_a_wrong_gradient_is_an_error_that_names_hook_and_variable(interior, returned, error, text):
    x, other = leaf(1.0, 2.0, 3.0), leaf(1.0)
    y = x * 2.0
    y.name = "h"

    def wrong(gy):
        return returned

    (y if interior else x).register_hook(wrong)
    z = (y * other).sum()
    x.grad = np.array([5.0, 5.0, 5.0])
    where = "'h', an output of Mul" if interior else "a leaf"
    for create_graph in (False, True):
        with pytest.raises(error, match=f"hook .*wrong of {where}: the gradient returned {text}"):
            z.backward(create_graph=create_graph)
        assert other.grad is None
        assert np.array_equal(x.grad, [5, 5, 5])


def test_a_replacement_is_cast_to_the_dtype_of_the_gradient():
    x = Variable(np.array([1, 2], np.float32))
    y = x * np.float32(2)
    y.register_hook(lambda gy: np.array([3, 4]))
    x.register_hook(lambda gx: gx.astype(np.float64) + 1)
    y.sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [7, 9]


@pytest.mark.parametrize("interior", [False, True])
def test_a_hook_that_raises_leaves_every_grad_as_it_was(interior):
    x, other = leaf(1.0), leaf(2.0)
    y = x * other

    def bad(gy):
        raise KeyError("mine")

    hook = (y if interior else x).register_hook(bad)
    z = y + other
    other.grad = np.array([9.0])
    with pytest.raises(KeyError, match="mine"):
        z.backward(retain_grad=True)
    assert x.grad is None
    assert y.grad is None
    assert other.grad == 9
    hook.remove()
    z.backward()
    assert x.grad == 2
    assert other.grad == 11


@pytest.mark.parametrize("interior", [False, True])
def test_remove(interior):
    x, seen = leaf(1.0), []
    y = x * 2.0 if interior else x
    z = y * 1.0
    first = y.register_hook(lambda gy: (seen.append("first"), second.remove(), first.remove())[0])
    second = y.register_hook(lambda gy: seen.append("second"))
    third = y.register_hook(lambda gy: seen.append("third"))
    z.backward()
    assert seen == ["first", "third"]
    third.remove()
    third.remove()
    with y.register_hook(lambda gy: seen.append("block")):
        z.backward()
    z.backward()
    assert seen == ["first", "third", "block"]


def test_what_was_removed_is_let_go_of_at_once():
    x = leaf(1.0)

    class Mine:
        def __call__(self, g):
            return None

    mine = Mine()
    alive, hook = weakref.ref(mine), x.register_hook(mine)
    del mine
    assert alive() is not None
    hook.remove()
    assert alive() is None


def test_after_a_remove_sums_have_the_bits_of_a_leaf_without_hooks():
    x, y = leaf(0.1), leaf(0.1)
    x.register_hook(lambda g: None).remove()
    for v in (x, y):
        v.grad = np.array([1e16])
        (v * 1.0 + v * 3.0).backward()
    assert x.grad.tobytes() == y.grad.tobytes()


def test_second_order_goes_through_a_hook():
    for interior in (False, True):
        x = leaf(3.0)
        y = x * 1.0
        (y if interior else x).register_hook(lambda g: g * g)
        (y**2).backward(create_graph=True)
        gx = x.grad  # (2 x)^2
        assert isinstance(gx, Variable)
        assert gx.data == 36
        assert gradients(gx, x) == 24**2  # 8 x = 24, of which the hook makes its square, too


def test_gradients_with_create_graph_gives_hooks_variables():
    x, kinds = leaf(3.0), []
    y = x * 1.0
    hook = y.register_hook(lambda g: (kinds.append(type(g)), g * g)[1])
    gx = gradients(y * y, x, create_graph=True)
    hook.remove()
    assert kinds == [Variable]
    assert gx.data == 36
    assert gradients(gx, x) == 24


def test_what_has_lost_the_graph_is_an_error():
    x = leaf(3.0)
    y = x * 1.0
    hook = y.register_hook(lambda g: g.data * 2)
    with pytest.raises(RuntimeError, match=r"an output of Mul: .* cannot be differentiated"):
        (y * y).backward(create_graph=True)
    hook.remove()

    def silent(g):
        with no_grad():
            return g * 2

    y.register_hook(silent)
    with pytest.raises(RuntimeError, match=r"silent .* cannot be differentiated"):
        gradients(y * y, x, create_graph=True)
    assert gradients(y * y, x) == 12


def test_assigning_the_data_of_what_a_hook_gets_is_an_error():
    x = leaf(3.0)
    x.register_hook(lambda g: setattr(g, "data", np.zeros(1)))
    with pytest.raises(RuntimeError, match="assigned the data"):
        (x * x).backward(create_graph=True)
    assert x.grad is None


def test_gradients_of_a_leaf_and_of_an_interior_variable():
    x, seen = leaf(3.0), []
    x.register_hook(lambda g: (seen.append("x"), g + 1)[1])
    y = x * x
    y.register_hook(lambda g: (seen.append("y"), g * 10)[1])
    z = y * 2
    assert gradients(z, y) == 20
    assert seen == ["y"]
    assert gradients(z, x) == 121
    assert seen == ["y", "y", "x"]
    assert gradients(y, y) == 10
    assert x.grad is None
    assert [g.tolist() for g in gradients(z, (x, y))] == [[121], [20]]


def test_grad_vjp_jvp_jacobian_and_hessian():
    seen = []

    def f(x):
        y = x * x
        y.register_hook(lambda g: (seen.append(type(g)), g * 10)[1])
        return y

    def total(x):
        return f(x).sum()

    x = np.array([1.0, 2.0])
    assert grad(total)(x).tolist() == [20, 40]
    assert seen == [np.ndarray]
    assert vjp(f, x)[1](np.ones(2))[0].tolist() == [20, 40]
    seen.clear()
    assert jvp(f, (x,), (np.ones(2),))[1].tolist() == [2, 4]
    assert seen == []
    # By columns, for a tall one: the same numbers as by rows.
    assert np.array_equal(jacobian(lambda x: np.tile(f(x), 3))(x)[:2], np.diag([20, 40]))
    assert set(seen) == {np.ndarray}
    assert len(seen) == 6
    wide, seen[:] = np.arange(1.0, 21.0), []
    assert np.array_equal(jacobian(f)(wide), np.diag(20 * wide))
    assert len(seen) == 20
    assert grad(lambda x: grad(total)(x).sum())(x).tolist() == [20, 20]
    assert np.array_equal(hessian(total)(x), np.diag([20, 20]))


def test_a_hook_that_is_not_linear_in_a_tall_jacobian():
    def f(x):
        y = x * 3
        y.register_hook(lambda g: np.clip(g, 0, 0.5))
        return np.concatenate([y, y])

    assert jacobian(f)(np.array([1.0])).tolist() == [[1.5], [1.5]]


def test_grad_of_what_captures_a_variable_calls_a_hook_once():
    w, seen = leaf(2.0), []

    def f(x):
        y = x * w
        y.register_hook(lambda g: seen.append(type(g)))
        return y.sum()

    gx = grad(f)(np.array([3.0]))
    assert seen == [Variable]
    assert isinstance(gx, Variable)
    assert gx.data == 2


def test_the_array_that_a_hook_gets_cannot_be_written_into():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    for v in (x, y, x.sum()):
        with v.register_hook(lambda g: g.__setitem__(..., 0)):
            for create_graph in (False, True):
                with pytest.raises((ValueError, TypeError)):
                    (v * 1.0 + y.sum()).backward(create_graph=create_graph)


def test_what_a_hook_keeps_and_what_it_returns_stays_its_own():
    x, kept, mine = leaf(1.0, 2.0), [], np.array([5.0, 6.0])
    y = x * 2.0
    y.register_hook(kept.append)
    y.register_hook(lambda g: mine)
    x.register_hook(lambda g: kept.append(g))
    (y + y * 3.0 + x).backward()
    assert kept[0].tolist() == [4, 4]
    assert mine.tolist() == [5, 6]
    assert kept[1].tolist() == [11, 13]
    assert x.grad.tolist() == [11, 13]
    x.grad[...] = 0
    assert kept[1].tolist() == [11, 13]
    x.cleargrad()
    x.register_hook(lambda g: mine)
    y.backward()
    x.grad[...] = 0
    assert mine.tolist() == [5, 6]


def test_retain_graph_false_frees_the_hooks_of_nodes():
    x = leaf(1.0)

    class Mine:
        def __call__(self, g):
            return None

    mine = Mine()
    alive = weakref.ref(mine)
    y = x * 2.0
    y.register_hook(mine)
    del mine
    z = y * 3.0
    z.backward(retain_graph=False)
    assert alive() is None
    assert x.grad == 6


def test_reference_counting_frees_a_hook_with_its_graph():
    x = leaf(1.0)

    class Mine:
        def __call__(self, g):
            return None

    for register in (lambda: x * 2.0, lambda: leaf(2.0)):
        mine = Mine()
        alive = weakref.ref(mine)
        gc.disable()
        try:
            y = register()
            y.register_hook(mine)
            del mine, y
            assert alive() is None
        finally:
            gc.enable()


@pytest.mark.parametrize("which", ["leaf", "interior", "loss", "after a pass"])
def test_the_garbage_collector_frees_cycles(which):
    class Mine:
        pass

    mine = Mine()
    alive = weakref.ref(mine)

    def make(mine):
        x = leaf(1.0)
        y = x * 2.0
        z = y * 3.0
        if which == "after a pass":
            z.mine = mine
            gc.collect()
        target = {"leaf": x, "interior": y, "loss": y, "after a pass": y}[which]
        held = {"leaf": x, "interior": y, "loss": z, "after a pass": z}[which]

        def hook(g):
            held, mine  # noqa: B018

        target.register_hook(hook)
        z.backward()
        return z if which == "interior" else None

    kept = make(mine)
    del mine
    gc.collect()
    if kept is not None:
        assert alive() is not None  # the graph still has it
        del kept
        gc.collect()
    assert alive() is None


def test_a_variable_that_is_moved_takes_its_hooks_along():
    x, seen = leaf(1.0), []
    y = x * 2.0
    y.register_hook(lambda g: (seen.append(g.tolist()), g * 10)[1])
    z = y * 3.0
    y.unchain()
    z.backward()
    assert seen == [[3.0]]
    assert y.grad == 30
    assert x.grad is None
    u = y * 2.0
    y.set_creator(u.creator)  # it is another handle of that output, with its hooks
    u.backward()
    assert len(seen) == 2


def test_unchain_backward_keeps_the_hooks_of_what_becomes_a_leaf():
    x, seen = leaf(1.0), []
    y = x * 2.0
    y.register_hook(lambda g: seen.append(g.tolist()))
    z = y * 3.0
    del y
    z.unchain_backward()
    z.backward()
    assert seen == [[3.0]]


def test_keep_mode():
    x, seen = leaf(1.0), []
    with using_config("keep_variables", True):
        y = x * 2.0
        y.register_hook(lambda g: seen.append(g.tolist()))
        z = y * 3.0
        del y
    z.creator.inputs[0].register_hook(lambda g: g * 2)
    z.backward()
    assert seen == [[3.0]]
    assert x.grad == 12


def test_hooks_through_the_graph_as_a_program_sees_it():
    x = leaf(1.0)
    z = (x * 2.0) * 3.0
    z.creator.inputs[0].register_hook(lambda g: g * 2)
    z.backward()
    assert x.grad == 12


def test_copies_and_pickles_have_no_hooks():
    x = leaf(1.0)
    x.mine = 3
    x.register_hook(lambda g: g * 10)  # which could not be pickled
    for made in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        (made * 2).backward()
        assert made.grad == 2
        assert made.mine == 3
        assert vars(made) == {"mine": 3}
    y = Twice()(x)
    y.register_hook(lambda g: g)
    assert "hook" not in str(y.creator.__getstate__())


def test_what_cannot_have_a_hook():
    with pytest.raises(RuntimeError, match=r"requires_grad is False"):
        Variable(np.ones(2), requires_grad=False).register_hook(print)
    x = leaf(1.0)
    with no_grad():
        y = x * 2  # a leaf, as in the original
    y.register_hook(lambda g: g * 5)
    (y * 1.0).backward()
    assert y.grad == 5
    with pytest.raises(RuntimeError, match=r"requires_grad is False"):
        (Variable(np.ones(2), requires_grad=False) * 2).register_hook(print)
    with no_grad():
        x.register_hook(lambda g: g * 2)
    (x * 1.0).backward()
    assert x.grad == 2
    with pytest.raises(TypeError, match="a function of a gradient, not int"):
        x.register_hook(3)


def test_an_attribute_of_any_name_is_in_no_hooks_way():
    x = leaf(1.0)
    x.register_hook(lambda g: g * 2)
    x.hooks = 3
    (x * 1.0).backward()
    assert x.grad == 2
    assert x.hooks == 3


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_backward_inside_of_a_hook(create_graph):
    x, w = leaf(1.0), leaf(2.0)
    y = x * w
    other = y * 5.0

    def hook(g):
        handle.remove()
        other.backward()

    handle = y.register_hook(hook)
    (y * 3.0).backward(create_graph=create_graph)
    grads = [array(v.grad) for v in (x, w)]
    assert [g.tolist() for g in grads] == [[16.0], [8.0]]
    # Of a leaf, at the end.
    x, seen = leaf(1.0), []

    def again(g):
        if len(seen) < 3:
            seen.append(1)
            (x * 1.0).backward()

    x.register_hook(again)
    (x * 3.0).backward(create_graph=create_graph)
    assert array(x.grad) == 6


def test_a_hook_that_releases_the_graph():
    x = leaf(1.0)
    for f in (lambda x: x * 2.0, np.cumsum, Twice()):
        y = f(x)
        z = y * 3.0

        def hook(g, z=z, handles=[]):  # noqa: B006
            if not handles:
                handles.append(g)
                z.backward(retain_graph=False)

        y.register_hook(hook)
        with pytest.raises(RuntimeError, match="retain_graph=False"):
            z.backward()


def test_a_hook_that_cuts_or_registers():
    x, seen = leaf(1.0), []
    y = x * 2.0

    def cut(g):
        y.unchain()

    y.register_hook(cut)
    (y * 3.0).backward()
    assert x.grad is None
    assert y.grad == 3
    y = x * 2.0
    y.register_hook(lambda g: x.register_hook(lambda g: seen.append(g.tolist())) and None)
    z = y * 3.0
    z.backward()
    z.backward()
    assert seen[0] == [6.0]


def test_threads():
    x, n, seen = leaf(1.0), 50, []
    x.register_hook(lambda g: (seen.append(g.tolist()), g * 2)[1])
    y = x * 3.0
    y.register_hook(lambda g: g + 1)

    def work():
        for _ in range(n):
            (y * 1.0).backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert x.grad == 4 * n * 12
    assert seen == [[6.0]] * (4 * n)


def test_function_called_again_has_the_hooks_of_its_last_call_alone():
    x, f, seen = leaf(1.0), Twice(), []
    f(x).register_hook(lambda g: seen.append("old"))
    y = f(x)
    y.backward()
    assert seen == []
    y.register_hook(lambda g: seen.append("new"))
    y.backward()
    assert seen == ["new"]


def test_a_differentiable_function_gets_what_the_hook_made():
    class Square(Function):
        differentiable = True

        def forward(self, x):
            return x**2

        def backward(self, gy):
            return 2 * self.inputs[0] * gy

    x = leaf(3.0)
    y = Square()(x)
    y.register_hook(lambda g: g * 10)
    y.backward(create_graph=True)
    assert x.grad.data == 60
    assert gradients(x.grad, x) == 20


def test_the_hook_of_a_checkpointed_function_is_called_once():
    seen = []

    def f(x):
        y = x * x
        y.register_hook(lambda g: (seen.append(1), g * 10)[1])
        return y.sum()

    assert grad(fastgrad.checkpoint(f))(np.array([3.0])) == 60
    assert seen == [1]
