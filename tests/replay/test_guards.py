"""Programs of which a log, replayed without a look, would give wrong numbers: each one eagerly.

No check beside (`check=None`): the guards alone have to notice. The first two calls get the same
arguments, where two logs say least.
"""

import os
import sys
import threading
import warnings
from collections import deque
from contextvars import ContextVar
from functools import singledispatch
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Function, Variable, grad, value_and_grad
from fastgrad.replay import ReplayWarning, replay


def x_of(*numbers):
    return np.array(numbers, dtype=float)


def bits(tree):
    if isinstance(tree, dict):
        return [bits(x) for x in tree.values()]
    if isinstance(tree, (tuple, list)):
        return [bits(x) for x in tree]
    return type(tree), np.asarray(tree).dtype, np.shape(tree), np.asarray(tree).tobytes()


def follows(f, *calls, step=None):
    """`f` replayed has what `f` returns, for each of these arguments; returns what replays it."""
    step = replay(f, check=None) if step is None else step
    for args in (calls[0], *calls):
        assert bits(step(*args)) == bits(f(*args)), step.explain()
    return step


def n_replays(step):
    return sum(p.n_replays for programs in step.programs.values() for p in programs)


UP, DOWN = x_of(2.0, 3.0), x_of(-2.0, 3.0)

# --- values that decide ---


@pytest.mark.parametrize("inside", [True, False])
def test_a_branch_on_a_value_is_a_guard(inside):
    def f(x):
        return np.sum(x * x) if x[0] > 0 else np.sum(x)

    step = follows(value_and_grad(f) if inside else f, (UP,), (DOWN,), (UP,), (DOWN,), (UP,))
    assert n_replays(step) == 2
    assert [len(programs) for programs in step.programs.values()] == [2]


def test_a_number_taken_for_a_loop_is_a_guard():
    def f(x):
        y = x
        for _ in range(int(x[0])):
            y = y * x
        return np.sum(y)

    step = follows(f, (UP,), (x_of(4.0, 1.0),), (UP,), (x_of(3.0, 1.0),))
    assert n_replays(step) >= 1


def test_a_length_and_a_shape_are_guards():
    def f(x):
        y = x[x > 0]
        return np.sum(y) / len(y) + y.shape[0]

    follows(f, (UP,), (DOWN,), (UP,), (x_of(-1.0, -2.0) + 3,), (DOWN,))
    follows(value_and_grad(f), (UP,), (DOWN,), (UP,), (DOWN,))


def test_an_index_is_a_guard_or_an_operand():
    table = np.arange(10.0)

    def f(x):
        return x * table[int(x[0])] + x[np.argmax(x)]

    follows(f, (UP,), (x_of(4.0, 1.0),), (UP,), (x_of(1.0, 5.0),))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.where(x > 2.5, x, x * x)),
        lambda x: np.sum(np.maximum(x, 1.0) * np.minimum(x, 2.0)),
        lambda x: np.sum(x[np.argsort(x)] * np.arange(2.0)),
        lambda x: np.sum(np.abs(x) ** 1.5 + np.abs(x) ** x),
        lambda x: np.max(x) * np.linalg.norm(x) + fastgrad.logsumexp(x),
        lambda x: np.sum(x * (x > 0)),
        lambda x: np.sum(np.sort(x) * x_of(1, 2)) + np.prod(x),
    ],
    ids=["where", "maximum", "argsort", "power", "norm", "comparison", "sort"],
)
def test_masks_are_computed_anew(f):
    calls = [(x_of(0.0, 0.0),), (UP,), (DOWN,), (DOWN[::-1].copy(),), (x_of(1.0, 1.0),)]
    follows(value_and_grad(f), *calls[1:], calls[0])
    follows(value_and_grad(f), *calls)
    follows(f, *calls[1:])


@pytest.mark.parametrize(
    "read",
    [
        lambda x: np.asarray(x), lambda x: x.data, lambda x: np.array(x.data),
        lambda x: x.tolist(), lambda x: x.item() if x.size == 1 else x.data[0],
        lambda x: repr(x) and 1.0, lambda x: len(f"{x}"), lambda x: float(str(x.data[0])),
    ],
    ids=["asarray", "data", "copy", "tolist", "item", "repr", "format", "str"],
)  # fmt: skip
def test_what_lets_a_value_out_of_sight_is_refused(read):
    """(Of a Variable, so within a derivative: an ndarray's are NumPy's.)"""

    def f(x):
        y = Variable(np.zeros(2)) + x
        return np.sum(x * 2) + float(np.sum(np.asarray(read(fastgrad.stop_gradient(y)))))

    step = replay(value_and_grad(f), check=None)
    for x in (UP, UP, DOWN, DOWN):
        assert bits(step(x)) == bits(value_and_grad(f)(x))
    assert n_replays(step) == 0
    assert "not replayed" in step.explain()


def test_the_line_that_reads_is_named():
    def f(x):
        return np.sum(x * np.sum(fastgrad.stop_gradient(x).data))

    step = replay(value_and_grad(f))
    step(UP)
    assert f"{os.path.basename(__file__)}:" in step.explain()
    assert step.explain().count("is read") == 1


# --- what is not the same in each call ---


def test_random_numbers_are_refused():
    rng, other = np.random.default_rng(1), np.random.default_rng(1)

    def f(x, rng=rng):
        return x * rng.normal(size=2)

    step = replay(f, check=None)
    assert bits([step(UP) for _ in range(5)]) == bits([f(UP, other) for _ in range(5)])
    assert "a random number" in step.explain()


def test_a_list_that_grows_is_refused():
    def program():
        seen = []

        def f(x):
            seen.append(1)
            return x * float(len(seen))

        return f

    f, step = program(), replay(program(), check=None)
    assert bits([step(UP) for _ in range(5)]) == bits([f(UP) for _ in range(5)])


SCALE = 2.0


def test_a_global_that_changes_is_seen():
    global SCALE
    step = replay(lambda x: np.sum(x * SCALE), check=None)
    for SCALE in (2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 2.0):
        assert step(UP) == 5 * SCALE
    assert n_replays(step) >= 3
    SCALE = 2.0


def test_an_attribute_a_cell_and_an_element_that_change_are_seen():
    class Model:
        scale = 2.0

        def loss(self, x):
            return np.sum(x * self.scale)

    model, ws, options = Model(), [1.0, 2.0], {"rate": 2.0}
    cell = 2.0
    step = replay(lambda x: model.loss(x) + np.sum(x * cell * ws[1] * options["rate"]), check=None)

    def expected():
        return 5 * model.scale + 5 * cell * ws[1] * options["rate"]

    for _ in range(2):
        assert [step(UP) for _ in range(3)] == [expected()] * 3
        model.scale = 3.0
        assert [step(UP) for _ in range(3)] == [expected()] * 3
        cell = 5.0
        assert [step(UP) for _ in range(3)] == [expected()] * 3
        ws[1], options["rate"] = 7.0, 4.0
        assert step(UP) == expected()
        step.clear()


def test_a_captured_array_that_is_rebound_or_written_into_is_seen():
    w = x_of(1.0, 2.0)
    step = replay(value_and_grad(lambda x: np.sum(x * w)), check=None)

    def agrees():
        value, gradient = step(UP)
        return value == UP @ w and bits(gradient) == bits(w)

    assert all(agrees() for _ in range(3))
    w[:] = 5.0, 6.0
    assert all(agrees() for _ in range(2))
    assert n_replays(step) == 3
    w = x_of(7.0, 8.0)
    assert all(agrees() for _ in range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy 2.5
        w.shape = 1, 2
    assert step(UP)[0] == np.sum(UP * w)


def test_a_captured_variable_is_read_anew():
    w = Variable(x_of(1.0, 2.0), requires_grad=False)
    step = replay(value_and_grad(lambda x: np.sum(x * w * w)), check=None)
    for data in (x_of(1, 2), x_of(1, 2), x_of(1, 2), x_of(3, 4), np.float32([1, 2]), x_of(5, 6)):
        w.data = data
        value, gradient = step(UP)
        assert bits(gradient) == bits(np.asarray(data * data, float))


def test_a_part_of_a_captured_array_is_read_by_reference():
    table = np.arange(6.0).reshape(3, 2)
    step = replay(lambda x: x * table[1], check=None)
    for value in (1.0, 1.0, 2.0, 3.0):
        table[1] = value
        assert bits(step(UP)) == bits(UP * value)


def test_a_mutated_argument_is_no_constant():
    x = x_of(1.0, 2.0)
    step = replay(value_and_grad(lambda x: np.sum(x**3)), check=None)
    for value in (1.0, 1.0, 2.0, 3.0):
        x[:] = value
        assert step(x)[0] == 2 * value**3


class Slotted:
    __slots__ = ("scale",)


def test_attributes_of_slots_namespaces_and_modules_are_seen(monkeypatch):
    slotted, space, module = Slotted(), SimpleNamespace(scale=1.0), ModuleType("replayed_module")
    slotted.scale = module.scale = 1.0
    monkeypatch.setitem(sys.modules, "replayed_module", module)

    def f(x):
        import replayed_module

        return x * slotted.scale * space.scale * module.scale * replayed_module.scale

    step = replay(f, check=None)
    for holder in (slotted, space, module):
        for value in (1.0, 1.0, 1.0, 3.0):
            holder.scale = value
            assert bits(step(UP)) == bits(f(UP))


@pytest.mark.parametrize(
    "read",
    [
        lambda a: float(a[0]), lambda a: a / a.max(), lambda a: a.sum(),
        lambda a: 2.0 if a[0] > 1 else 3.0,
    ],
    ids=["float", "array", "sum", "branch"],
)  # fmt: skip
def test_a_small_array_that_python_reads_is_compared(read):
    a = x_of(1.0, 2.0)
    step = replay(lambda x: x * read(a), check=None)
    for value in (1.0, 1.0, 1.0, 5.0, 5.0, 5.0):
        a[0] = value
        assert bits(step(UP)) == bits(UP * read(a))
    assert n_replays(step) == 2


class Model:
    scale = 2.0

    def loss(self, x):
        return np.sum(x * self.scale)

    @property
    def twice(self):
        return 2 * self.scale


def test_attributes_and_methods_that_an_object_or_its_class_gets_later_are_seen(monkeypatch):
    model = Model()
    step = replay(lambda x: model.loss(x) * model.twice * getattr(model, "scale"), check=None)  # noqa: B009

    def is_right(scale, loss):
        for _ in range(4):
            assert float(step(UP)) == loss(5.0 * scale) * 2 * scale * scale

    is_right(2.0, lambda y: y)
    model.scale = 3.0  # the object's own
    is_right(3.0, lambda y: y)
    model.loss = lambda x: 7 * np.sum(x * model.scale)
    is_right(3.0, lambda y: 7 * y)
    del model.loss
    is_right(3.0, lambda y: y)
    monkeypatch.setattr(Model, "loss", lambda self, x: 11 * np.sum(x * self.scale))
    is_right(3.0, lambda y: 11 * y)


def test_objects_that_refer_to_each_other():
    a, b = SimpleNamespace(), SimpleNamespace(scale=2.0)
    a.other, b.other = b, a
    step = follows(lambda x: x * a.other.other.other.scale, (UP,), (DOWN,))
    assert n_replays(step) == 1
    b.scale = 3.0
    assert bits(step(UP)) == bits(UP * 3.0)


class Counted:
    """Held by a program: its method changes it."""

    def __init__(self):
        self.n = 0.0

    def next(self):
        self.n += 1.0
        return self.n


def test_an_object_that_a_call_changes_is_changed_by_each_call():
    counted, twin = Counted(), Counted()
    step = replay(lambda x: x * 0 + counted.next(), check=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReplayWarning)
        for _ in range(40):
            assert bits(step(UP)) == bits(UP * 0 + twin.next())


ENTRIES = {i: float(i) for i in range(2000)}
THREADS, CONTEXT = threading.local(), ContextVar("context", default=2.0)
THREADS.scale = 2.0
QUEUE = deque([2.0])


@pytest.mark.parametrize(
    ("f", "reason"),
    [
        (lambda x: x * float(os.environ.get("NO_SUCH_NAME", "2")), "environ"),
        (lambda x: x * CONTEXT.get(), "a ContextVar"),
        (lambda x: x * THREADS.scale, "a _local"),
        (lambda x: x * ENTRIES[2], "a dict of 2000 entries"),
        (lambda x: x * globals()["ENTRIES"][2], "globals"),
        (lambda x: x * np.fromfile(__file__, np.uint8, 1), "fromfile"),
        (lambda x: x * QUEUE[0], "a deque"),
    ],
    ids=["environment", "context", "thread", "container", "globals", "file", "compiled"],
)
def test_what_cannot_be_compared_is_refused(f, reason):
    step = replay(f, check=None)
    for _ in range(4):
        step(UP)
    assert n_replays(step) == 0
    assert f"not replayed: it reads, by name, {reason}" in step.explain() or (
        f"may use {reason}," in step.explain()
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 if isinstance(x, np.ndarray) else x * 3,
        lambda x: x * 2 if isinstance(np.sum(x), np.floating) else x * 3,
        lambda x: x * 2 if np.isscalar(np.max(x)) else x * 3,
        lambda x: x * 2 if x.__class__ is np.ndarray else x * 3,
        lambda x: x * 2 if type(x) is np.ndarray else x * 3,
        lambda x: doubled(x),
        lambda x: with_all_exceptions_caught(x),
    ],
    ids=["array", "number", "isscalar", "class", "type", "dispatch", "caught"],
)
def test_the_type_of_a_value_is_that_of_the_eager_call(f):
    step = follows(f, (UP,), (DOWN,))
    assert n_replays(step) == 0
    assert "type" in step.explain()


@singledispatch
def doubled(x):
    return x * 3


@doubled.register(np.ndarray)
def _(x):
    return x * 2


def with_all_exceptions_caught(x):
    try:
        factor = 2 if isinstance(x, np.ndarray) else 3
    except Exception:  # noqa: BLE001
        factor = 4
    return x * factor


def test_operators_in_place_write_into_the_argument_as_ever():
    def f(x):
        x += 1.0
        return x * 2

    step = replay(f, check=None)
    x, y = UP.copy(), UP.copy()
    for _ in range(4):
        assert bits([step(x), x]) == bits([f(y), y])

    def loss(x):  # of a Variable it makes another one
        y = x * 2
        y += x
        return np.sum(y * y)

    step = follows(value_and_grad(loss), (UP,), (DOWN,))
    assert n_replays(step) == 1


# --- arguments ---


def test_an_argument_passed_twice():
    f = value_and_grad(lambda x, y: np.sum(x * y * y), (0, 1))
    follows(f, (UP, UP), (UP, DOWN), (DOWN, UP), (DOWN, DOWN))


def test_aliased_arguments_and_a_captured_array_that_is_an_argument():
    w = x_of(1.0, 2.0)
    f = value_and_grad(lambda x, y: np.sum(x * y * w), (0, 1))
    base = np.arange(4.0)
    follows(f, (w, w), (UP, w), (w, DOWN), (base[:2], base[1:3]), (base[2:], base[:2]))


def test_an_output_that_is_an_argument_is_not_it():
    step = replay(lambda x, y: (x, x + y, x), check=None)
    for x in (UP, UP, DOWN, UP):
        x = x.copy()
        a, b, c = step(x, UP)
        assert bits([a, b, c]) == bits([x, x + UP, x])
        assert not any(np.shares_memory(*pair) for pair in ((a, x), (a, c), (a, b)))


def test_numbers_are_guarded_by_value_and_arrays_by_form():
    def f(x, rate, name="sum", *, flip=False):
        y = getattr(fnp, name)(x * rate)
        return -y if flip else y

    step = replay(f, check=None)
    for _ in range(3):
        for rate in (1.0, 2, True):
            for flip in (False, True):
                assert bits(step(UP, rate, flip=flip)) == bits(f(UP, rate, flip=flip))
    step.clear()
    for _ in range(3):
        for x in (UP, UP.astype(np.float32), np.asfortranarray(np.ones((2, 3))), UP[::-1], UP[:1],
                  np.array([1, 2]), np.float64(3.0), np.array(3.0)):  # fmt: skip
            assert bits(step(x, 2.0)) == bits(f(x, 2.0))


def test_trees_of_arguments_and_results():
    def f(params, batch):
        loss = lambda p: np.mean((batch["x"] @ p["w"] + p["b"] - batch["y"]) ** 2)  # noqa: E731
        value, g = value_and_grad(loss)(params)
        return {k: params[k] - 0.1 * g[k] for k in params}, (value, "name", 3)

    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(3, 1)), "b": np.zeros(1)}
    step = replay(f)
    eager = params
    for _ in range(9):
        batch = {"x": rng.normal(size=(5, 3)), "y": rng.normal(size=(5, 1))}
        params, rest = step(params, batch)
        eager, other = f(eager, batch)
        assert bits([params, rest[0]]) == bits([eager, other[0]])
        assert rest[1:] == ("name", 3)
    assert n_replays(step) == 7


def test_many_signatures_end_in_one_warning():
    step = replay(lambda x: np.sum(x * x), check=None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ReplayWarning)
        for n in range(1, 40):
            for _ in range(3):
                assert step(np.ones(n)) == n
    assert "more than 8" in str(caught[0].message)
    assert len(caught) == 1
    assert "given up" in step.explain()
    step.clear()
    assert [step(UP) for _ in range(3)] == [13.0] * 3
    assert n_replays(step) == 1


# --- what runs in the middle ---


def test_an_exception_is_that_of_the_function_and_nothing_is_recorded():
    def f(x, n):
        if n > 2:
            raise KeyError(n)
        return x * n

    step = replay(f, check=None)
    for n in (1, 3, 1, 3, 1):
        if n == 3:
            with pytest.raises(KeyError):
                step(UP, n)
        else:
            assert bits(step(UP, n)) == bits(UP)
    with pytest.raises(ValueError, match="broadcast"):
        replay(lambda x: x + np.ones(3))(UP)


def test_an_error_of_a_row_in_a_replay_is_that_of_the_eager_call():
    step = replay(lambda a: np.linalg.inv(a), check=None)
    for _ in range(3):
        step(np.eye(2))
    with pytest.raises(np.linalg.LinAlgError):
        step(np.zeros((2, 2)))
    assert bits(step(2 * np.eye(2))) == bits(np.linalg.inv(2 * np.eye(2)))


class Count(Function):
    """A Function with state."""

    differentiable = True

    def __init__(self):
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * self.calls

    def backward(self, gy):
        return gy * self.calls


class Cube(Function):
    differentiable = True

    def __init__(self, scale=1.0):
        self.scale = scale

    def forward(self, x):
        return self.scale * x**3

    def backward(self, gy):
        (x,) = self.inputs
        return gy * 3 * self.scale * x**2


class Keeps(Function):
    """What its forward keeps, its backward reads out of sight."""

    differentiable = True

    def forward(self, x):
        self.sign = np.where(x > 0, 1.0, -1.0)
        return x * self.sign

    def backward(self, gy):
        return gy * self.sign


class InArrays(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return gy * 2 * self.inputs[0].data


def test_a_python_function_is_called_in_the_schedule():
    f = value_and_grad(lambda x: np.sum(Cube(2.0)(x) * x))
    step = follows(f, (UP,), (DOWN,), (UP,))
    assert n_replays(step) == 2


@pytest.mark.parametrize("kind", [Keeps, InArrays])
def test_a_python_function_that_reads_out_of_sight_is_not_replayed(kind):
    step = follows(value_and_grad(lambda x: np.sum(kind()(x) * x)), (UP,), (DOWN,), (UP,))
    assert n_replays(step) == 0
    assert "not replayed" in step.explain()


def test_a_python_function_with_state_is_not_replayed():
    count, other = Count(), Count()
    step = replay(lambda x: count(x), check=None)
    made = [step(UP) for _ in range(5)]
    assert bits(made) == bits([other(Variable(UP)).data for _ in range(5)])
    assert n_replays(step) == 0


def test_threads_call_one_step_at_once():
    f = value_and_grad(lambda x: np.sum(np.sort(np.sin(x)) * x))
    step, wrong = replay(f), []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            x = rng.normal(size=5)
            if bits(step(x)) != bits(f(x)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_another_thread_that_computes_with_a_value_is_noticed():
    def f(x):
        found = []
        thread = threading.Thread(target=lambda: found.append(x * 2))
        thread.start()
        thread.join()
        return found[0] + x

    step = follows(f, (UP,), (DOWN,))
    assert n_replays(step) == 0
    assert "thread" in step.explain()


def test_recursion():
    def f(x):
        return np.sum(x) if x.size < 2 else step(x[1:]) * x[0]

    step = replay(f, check=None)
    for x in (np.arange(1.0, 5), np.arange(1.0, 5), np.arange(2.0, 6), np.arange(3.0, 7)):
        assert step(x) == np.prod(x)


def test_a_step_within_a_step_and_within_a_derivative():
    inner = replay(value_and_grad(lambda x: np.sum(x**3)), check=None)
    step = replay(lambda x: inner(x)[1] * x, check=None)
    for x in (UP, UP, DOWN, UP):
        assert bits(step(x)) == bits(3 * x**2 * x)
    square = replay(lambda x: np.sum(x**2), check=None)
    assert bits([grad(square)(x) for x in (UP, UP, DOWN)]) == bits([2 * UP, 2 * UP, 2 * DOWN])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_both_sides_of_a_fork_go_on():
    f = value_and_grad(lambda x: np.sum(np.sin(x) * x))
    step = follows(f, (UP,), (DOWN,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if bits(step(DOWN)) == bits(f(DOWN)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert bits(step(UP)) == bits(f(UP))


def test_warnings_and_errstate_are_those_of_the_eager_call():
    f = value_and_grad(lambda x: np.sum(np.log(x)))
    step = replay(f, check=None)
    for _ in range(3):
        step(UP)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        step(x_of(0.0, 1.0))
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        step(x_of(0.0, 1.0))
    with np.errstate(all="ignore"):
        assert bits(step(x_of(0.0, 1.0))) == bits(f(x_of(0.0, 1.0)))
        assert bits(step(DOWN)) == bits(f(DOWN))
    called = []
    with np.errstate(all="call", call=lambda *args: called.append(args)):
        step(x_of(0.0, 1.0))
    assert called


def test_data_assigned_and_gradients_shown_are_effects_outside():
    w = Variable(x_of(1.0, 2.0))

    def f(x):
        w.cleargrad()
        np.sum(w * x).backward()
        return x * w.grad

    step = follows(f, (UP,), (DOWN,), (UP,))
    assert n_replays(step) == 0
    v = Variable(x_of(1.0, 2.0), requires_grad=False)

    def g(x):
        v.data = v.data + 1.0
        return x * v

    step = replay(g, check=None)
    made = [step(UP) for _ in range(4)]
    assert bits(made) == bits([UP * (x_of(1, 2) + k) for k in (1, 2, 3, 4)])


def test_out_is_an_effect_outside():
    buffer = np.zeros(2)

    def f(x):
        np.multiply(x, 2.0, out=buffer)
        return x + buffer

    step = follows(f, (UP,), (DOWN,), (UP,))
    assert n_replays(step) == 0


# --- bad input ---


def test_what_returns_no_array_or_a_variable_is_a_type_error():
    w = Variable(x_of(1.0, 2.0))
    for f, text in (
        (lambda x: None, "returned no array, but a NoneType"),
        (lambda x: w, "returned a Variable"),
    ):
        with pytest.raises(TypeError, match=text):
            replay(f)(UP)
    with pytest.raises(TypeError, match="expected a function"):
        replay(3)
    with pytest.raises(ValueError, match="check is"):
        replay(np.sum, check="always")


def test_arguments_that_may_change_out_of_sight():
    config = SimpleNamespace(scale=2.0)
    step = replay(lambda x, config: x * config.scale, check=None)
    for config.scale in (2.0, 2.0, 3.0, 4.0):
        assert bits(step(UP, config)) == bits(UP * config.scale)
    assert "SimpleNamespace" in step.explain()


def test_results_that_the_program_keeps_are_not_written_again():
    step = replay(lambda x: (x * 2, np.sum(x), np.ones(2), x.T), check=None)
    kept = [step(x_of(k, k + 1)) for k in range(20)]
    for k, (a, b, c, d) in enumerate(kept):
        x = x_of(k, k + 1)
        assert bits([a, b, c, d]) == bits([x * 2, np.sum(x), np.ones(2), x])
        c[:] = 7.0
    assert bits(step(UP)[2]) == bits(np.ones(2))


# --- the check ---


def test_the_check_finds_what_no_guard_sees():
    hidden = {"scale": 2.0}
    read = hidden.get  # not a name that is followed

    def f(x):
        return x * read.__self__["scale"]

    step = replay(f)
    assert [step(UP)[0] for _ in range(3)] == [4.0] * 3
    hidden["scale"] = 3.0
    with pytest.warns(ReplayWarning, match="not, bit for bit"):
        made = [step(UP)[0] for _ in range(6)]
    assert made[-1] == 6.0
    assert step.given_up


def test_as_a_decorator_and_as_a_method():
    class Model:
        def __init__(self, scale):
            self.scale = scale

        @replay
        def loss(self, x):
            return np.sum(x * self.scale)

    @replay(check=None)
    def double(x):
        """Twice x."""
        return x * 2

    assert double.__doc__ == "Twice x."
    assert bits([double(x) for x in (UP, UP, DOWN)]) == bits([UP * 2, UP * 2, DOWN * 2])
    one, two = Model(1.0), Model(2.0)
    assert [m.loss(UP) for m in (one, two) for _ in range(4)] == [5.0] * 4 + [10.0] * 4
