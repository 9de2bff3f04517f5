"""`op`: functions that a program declares, and what the nodes of rows keep and let go."""

import gc
import weakref

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import (
    INPUTS,
    NOTHING,
    OTHERS,
    OUTPUT,
    Function,
    Variable,
    jacobian,
    no_grad,
    op,
    zero,
)


def cube(**options):
    return op("cube", lambda x: x**3, vjp=lambda xp, g, y, x: g * 3 * x * x, **options)


def test_declared_in_one_expression():
    x = Variable(np.array([1.0, 2.0]))
    y = cube()(x)
    y.backward()
    assert np.array_equal(y.data, [1, 8])
    assert np.array_equal(x.grad, [3, 12])


def test_creator_is_of_a_class_that_can_be_called_and_subclassed():
    row = cube()
    x = Variable(np.array(2.0))
    y = row(x)
    assert type(y.creator) is row.Function
    assert type(y.creator).__name__ == "Cube"
    assert isinstance(y.creator, Function)
    assert y.creator.inputs[0] is x
    assert y.creator.outputs[0]() is y
    assert y.creator.backward(np.array(1.0)) == 12

    class Twice(row.Function):
        def forward(self, x):
            return 2 * super().forward(x)

        def backward(self, gy):
            return super().backward(2 * gy)

    z = Twice()(x)
    z.backward()
    assert z.data == 16
    assert x.grad == 24


def test_arrays_alone_give_an_array():
    y = cube()(np.array([1.0, 2.0]))
    assert type(y) is np.ndarray


def test_nothing_is_recorded_without_need():
    row = cube()
    with no_grad():
        y = row(Variable(np.array(2.0)))
    assert y.creator is None
    assert y.requires_grad
    z = row(Variable(np.array(2.0), requires_grad=False))
    assert z.creator is None
    assert not z.requires_grad


def test_integer_results_are_constants():
    count = op("count", lambda x: np.asarray((x > 0).sum()), NOTHING, vjp=zero)
    y = count(Variable(np.array([1.0, -1.0])))
    assert isinstance(y, Variable)
    assert not y.requires_grad


def test_many_outputs_and_those_that_were_dropped():
    split = op(
        "halves",
        lambda x: (x[:2], x[2:]),
        NOTHING,
        vjp=lambda xp, g, y, x: xp.concatenate([g[0], g[1]]),
    )
    x = Variable(np.arange(4.0))
    a, b = split(x)
    (3 * b).backward()
    assert np.array_equal(x.grad, [0, 0, 3, 3])
    x.cleargrad()
    del a
    b = split(x)[1]
    b.backward()
    assert np.array_equal(x.grad, [0, 0, 1, 1])


def test_sequence_of_operands():
    total = op(
        "total", lambda xs, scale=1: scale * sum(xs), NOTHING,
        vjp=lambda xp, i, g, y, xs, scale=1: scale * g, sequence=True,
    )  # fmt: skip
    xs = [Variable(np.array(float(i))) for i in range(4)]
    y = total([*xs, 5.0], scale=2)
    assert y.data == 22
    assert y.creator.inputs[:4] == tuple(xs)
    y.backward()
    assert [x.grad for x in xs] == [2, 2, 2, 2]


def test_the_same_variable_in_several_places():
    row = op("product", lambda a, b: a * b, OTHERS,
             vjp=(lambda xp, g, y, a, b: g * b, lambda xp, g, y, a, b: g * a))  # fmt: skip
    x = Variable(np.array(3.0))
    row(x, x).backward()
    assert x.grad == 6


def test_gradient_is_summed_to_a_broadcast_operand_and_has_its_dtype():
    row = op("sum_of", lambda a, b: a + b, NOTHING,
             vjp=(lambda xp, g, y, a, b: g, lambda xp, g, y, a, b: g))  # fmt: skip
    a, b = Variable(np.ones((2, 3))), Variable(np.ones((3,), np.float32))
    row(a, b).backward()
    assert a.grad.shape == (2, 3)
    assert np.array_equal(b.grad, np.full(3, 2))
    assert b.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (np.ones(5), ValueError, r"odd: gradient for input 0 has shape \(5,\), expected \(2, 3\)"),
        ("one", TypeError, "odd: gradient for input 0 is a str"),
        (np.ones(3), ValueError, "odd: gradient for input 0"),
    ],
)
def test_wrong_gradients_are_errors_that_name_the_operation(returned, error, text):
    odd = op("odd", lambda x: x + 0, NOTHING, vjp=lambda xp, g, y, x: returned)
    x = Variable(np.ones((2, 3)))
    with pytest.raises(error, match=text):
        odd(x).backward()
    assert x.grad is None


def test_exception_in_a_vjp_leaves_everything_as_it_was():
    fail = [True]

    def vjp(xp, g, y, x):
        if fail[0]:
            raise KeyboardInterrupt
        return g

    row = op("moody", lambda x: x + 0, NOTHING, vjp=vjp)
    x = Variable(np.ones(2))
    y = row(x) * 2 + x
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    assert x.grad is None
    fail[0] = False
    y.backward()
    assert np.array_equal(x.grad, [3, 3])


def test_bad_declarations():
    with pytest.raises(TypeError, match="expected an identifier"):
        op("a b", np.sin, vjp=zero)
    with pytest.raises(TypeError, match="forward is a int, expected a callable"):
        op("f", 3, vjp=zero)
    with pytest.raises(TypeError, match="a VJP is a NoneType, expected a callable"):
        op("f", np.sin)
    with pytest.raises(TypeError, match="one VJP for all operands"):
        op("f", np.sin, vjp=(zero,), sequence=True)


def test_variable_where_no_operand_is_expected():
    with pytest.raises(TypeError, match=r"sum: argument 'where' is a Variable.*x\.data"):
        fnp.sum(Variable(np.ones(2)), where=Variable(np.array(1.0)))
    with pytest.raises(TypeError, match="operand 0 is a Variable without data"):
        cube()(Variable(None))


# --- what is kept ---


class Watched(np.ndarray):
    """An ndarray that can be watched."""


def watched(values):
    x = np.array(values)
    return x, weakref.ref(x)


@pytest.mark.parametrize(
    ("saves", "operand", "output"),
    [(NOTHING, False, False), (INPUTS, True, False), (OUTPUT, False, True),
     (INPUTS | OUTPUT, True, True), (OTHERS, False, False)],
)  # fmt: skip
def test_only_what_is_declared_is_kept(saves, operand, output):
    row = op("keeper", lambda x: x + 1, saves, vjp=lambda xp, g, y, x: g)
    x = Variable(np.ones(5))
    h = x * 2
    inside = weakref.ref(h.data)
    y = row(h)
    outside = weakref.ref(y.data)
    z = y * 1.0 + y  # which needs no value of y
    del h, y
    assert (inside() is not None) is operand
    assert (outside() is not None) is output
    z.backward()
    assert np.array_equal(x.grad, np.full(5, 4))


def test_stand_ins_have_shape_and_dtype():
    seen = []

    def vjp(xp, g, y, x):
        seen.append((x.shape, x.dtype, y.shape, y.dtype))
        return g

    row = op("shapes", lambda x: x + 0, NOTHING, vjp=vjp)
    row(Variable(np.ones((2, 3), np.float32))).backward()
    assert seen == [((2, 3), np.float32, (2, 3), np.float32)]


def test_reference_counting_alone_frees_a_graph():
    gc.collect()
    gc.disable()
    try:
        row = cube()
        x = Variable(np.ones(3))
        y = row(x)
        for _ in range(10):
            y = fnp.concatenate([row(y)[:2], y[2:]])
        alive = weakref.ref(y), weakref.ref(y.creator)
        del y
        assert [ref() for ref in alive] == [None, None]
    finally:
        gc.enable()


def test_cycle_through_a_call_is_collected():
    x = Variable(np.ones(3))
    y = cube()(x)
    x.note = y
    alive = weakref.ref(y)
    del x, y
    gc.collect()
    assert alive() is None


def test_cycle_through_an_argument_is_collected():
    class Box:
        pass

    box = Box()
    row = op("boxed", lambda x, box: x + 0, NOTHING, vjp=lambda xp, g, y, x, box: g)
    box.y = row(Variable(np.ones(3)), box)
    alive = weakref.ref(box)
    del box
    gc.collect()
    assert alive() is None


def test_deep_chain_of_rows_is_differentiated_and_freed_with_a_small_stack(run_child):
    code = """
        import threading
        import numpy as np
        import fastgrad.numpy as fnp
        from fastgrad import Variable, op

        same = op("same", lambda x: x + 0, 0, vjp=lambda xp, g, y, x: g)

        def work():
            x = Variable(np.array(1.0))
            for f in (same, fnp.exp, lambda y: fnp.concatenate([fnp.reshape(y, 1)])[0]):
                y = x
                for _ in range(100_000):
                    y = f(y) * 0.0
                y.backward()
                del y
            y = x
            for _ in range(300_000):
                y = same(y)
            y.backward()
            del y
            print("done")

        threading.stack_size(256 * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """
    assert run_child(code) == "done\n"


def test_no_leak_over_many_calls(run_child):
    code = """
        import gc, resource
        import numpy as np
        import fastgrad.numpy as fnp
        from fastgrad import Variable, op

        row = op("same", lambda x, k=1: x + 0, vjp=lambda xp, g, y, x, k=1: g)
        x = Variable(np.ones(3))

        def work(n):
            for _ in range(n):
                y = fnp.concatenate([row(x, k=2), x[1:], fnp.exp(x)])
                fnp.sum(y).backward()
                x.cleargrad()

        work(2000)
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        work(20000)
        gc.collect()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 3000)
    """
    assert run_child(code) == "True\n"


def test_rows_can_be_methods_and_are_pickled_by_name():
    class Model(Variable):
        cube = cube()

    x = Model(np.array(2.0))
    assert x.cube().data == 8


def test_rules_may_be_lists():
    rules = [lambda xp, g, y, a, b: g * b, lambda xp, g, y, a, b: g * a]
    product = op("product", lambda a, b: a * b, vjp=rules, batched=[rules[0], None])
    x = Variable(np.array([2.0, 3.0]))
    product(x, x).backward()
    assert x.grad.tolist() == [4, 6]
    j = jacobian(lambda x: product(x, x * 2))(np.arange(20.0))  # one has a batched rule, one none
    assert np.array_equal(j, np.diag(4 * np.arange(20.0)))
    with pytest.raises(TypeError, match="1 JVPs, expected 2"):
        op("product", lambda a, b: a * b, vjp=rules, jvp=[rules[0]])
    with pytest.raises(TypeError, match="a VJP is a list"):
        op("product", lambda a, b: a * b, vjp=[rules, "x"])
