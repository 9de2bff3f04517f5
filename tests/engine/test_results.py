"""Of which class results are: `class Box(Variable, results=True)`."""

from __future__ import annotations

import contextlib
import copy
import gc
import operator
import pickle
import threading
import weakref

import numpy as np
import pytest

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Config, Function, Variable, gradients, no_grad, using_config


class Box(Variable, results=True):
    tag = "of the class"


class Parameter(Box):
    pass


class Slotted(Variable, results=True):
    __slots__ = ("note",)


class Ordinary(Variable):
    pass


class Back(Box, results=False):
    pass


class Twice(Function):
    def forward(self, x):
        return 2 * x

    def backward(self, gy):
        return 2 * gy


class Product(Function):
    differentiable = True

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        self.seen = type(gy), *map(type, self.inputs)
        x0, x1 = self.inputs
        return gy * x1, gy * x0


class Both(Function):
    def forward(self, x):
        return x + 1, x + 2

    def backward(self, gy0, gy1):
        return gy0 + gy1


ARRAYS = [np.array(2.0), np.array([1.0, 2.0]), np.ones((2, 2), "f4"), np.arange(1, 4)]
CLASSES = [Box, Slotted]
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("x", ARRAYS, ids=str)
@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("f", BINARY)
def test_binary_operators(f, cls, x):
    for other in (2, 2.0, np.float64(2), np.array(2.0), x, Variable(x), [2.0], Ordinary(x)):
        if np.ndim(x) == 0 and isinstance(other, np.ndarray) and other.shape:
            continue
        assert type(f(cls(x), other)) is cls
        if not (isinstance(other, list) and f is operator.pow):
            assert type(f(other, cls(x))) is cls


@pytest.mark.parametrize("x", ARRAYS, ids=str)
@pytest.mark.parametrize("cls", CLASSES)
def test_what_else_computes(cls, x):
    v = cls(x)
    results = [
        -v, +v, abs(v), v.sum(), v.mean(), v.reshape(-1), v.T, v.astype("f8"), v.copy(), v[...],
        v[()], v.max(), v.clip(0, 1), np.sin(v), np.exp2(v), np.cumsum(v), np.add(1, v), v**2, 2**v,
        np.where(x > 1, v, 0.0), np.where(x > 1, 0.0, v), np.stack([x, v]), np.maximum(v, 0),
        fnp.tanh(v), fnp.concatenate([[1.0], v.reshape(-1)]), fnp.asarray(v),
        np.add.reduce(v.reshape(-1)), np.multiply.outer(v, v), fastgrad.add(1.0, v),
        fnp.array([v, v]), np.divmod(v, 2)[0], fastgrad.Mul()(v, v), fastgrad.Add()(x, v),
    ]  # fmt: skip
    assert {type(y) for y in results} == {cls}
    if x.ndim == 2:
        assert {type(y) for y in (v @ x, x @ v, *np.linalg.eigh(v), *v)} == {cls}


def test_of_constants_and_without_recording():
    x = Box(np.ones(3), requires_grad=False)
    assert type(x * 2) is type(np.sin(x)) is type(np.cumsum(x)) is Box
    with no_grad():
        y = Box(np.ones(3))
        assert type(y * 2) is type(np.sin(y)) is type(np.cumsum(y)) is type(Twice()(y)) is Box


def test_subclasses_inherit_the_choice_and_ordinary_ones_give_variables():
    assert type(Parameter(np.ones(2)) * 2) is Box
    assert type(np.sin(Parameter(np.ones(2)))) is Box
    for x in (Variable(np.ones(2)), Ordinary(np.ones(2)), Back(np.ones(2))):
        assert type(x * 2) is type(np.sin(x)) is type(np.cumsum(x)) is type(Twice()(x)) is Variable

    class Anew(Parameter, results=True):
        pass

    assert type(Anew(np.ones(2)) + 1) is Anew


@pytest.mark.parametrize(("first", "second"), [(Box, Slotted), (Slotted, Box)])
def test_the_first_operand_that_has_a_class_decides(first, second):
    x, y, plain = first(np.ones(2)), second(np.ones(2)), Variable(np.ones(2))
    for a, b in ((x, y), (first(np.ones(2), requires_grad=False), y)):
        made = [a + b, np.add(a, b), np.hypot(a, b), np.stack([a, b]), np.stack([plain, a, b])]
        made += [np.where(np.array([True, False]), a, b), Product()(a, b), np.dot(a, b)]
        made += [np.einsum("i,i", a, b), fastgrad.mul(a, b)]
        assert {type(v) for v in made} == {first}


def test_functions_in_python():
    assert type(Twice()(Box(np.ones(2)))) is Box
    assert [type(y) for y in Both()(Parameter(np.ones(2)))] == [Box, Box]
    f = Product()
    assert type(f(2.0, Box(np.ones(2)))) is Box
    assert [type(x) for x in f.inputs] == [Box, Box]


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_backward_in_python_gets_variables_of_the_class(create_graph):
    x, f = Box(np.array([1.0, 2.0])), Product()
    f(x, x).sum().backward(create_graph=create_graph)
    assert f.seen == (Box, Box, Box)
    assert type(x.grad) is (Box if create_graph else np.ndarray)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x, lambda x: x * x, lambda x: np.tanh(x), lambda x: np.cumsum(x * 2),
        lambda x: x + np.ones((2, 3)), lambda x: np.prod(x, keepdims=True), lambda x: x[1:] ** 3,
        lambda x: Product()(x, np.exp(x)), lambda x: np.where(x.data > 1, x, 0), lambda x: x @ x,
        lambda x: np.concatenate([x, np.ones(2)]), lambda x: np.linalg.norm(np.outer(x, x)),
    ],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("cls", CLASSES)
def test_recorded_gradients(f, cls):
    x, plain = cls(np.array([1.0, 2.0, 3.0])), Variable(np.array([1.0, 2.0, 3.0]))
    y = f(x) + (plain * x).sum()
    for gx in gradients(y, [x, plain], create_graph=True):
        assert type(gx) is cls
        assert type(gx.sum()) is cls
    y.sum().backward(create_graph=True)
    assert type(x.grad) is type(plain.grad) is cls
    seen, stack = set(), [x.grad.creator]
    while stack:  # whatever a program finds by the graph of a gradient
        g = stack.pop()
        if g is None or g in seen:
            continue
        seen.add(g)
        assert {type(v) for v in g.inputs} - {Variable} <= {cls}
        assert all(v is plain for v in g.inputs if type(v) is Variable)
        stack += [v.creator for v in g.inputs]


@pytest.mark.parametrize("keep", [False, True])
def test_inputs_that_nobody_holds(keep):
    with using_config("keep_variables", keep):
        y = np.tanh(np.sin(Box(np.ones(2)) * 2) + 1)
        f = y.creator
        assert [type(x) for x in f.inputs] == [Box]
        assert [type(x) for x in f.inputs[0].creator.inputs][:1] == [Box]
        y = np.tanh(np.sin(Variable(np.ones(2)) * Box(np.ones(2))) + 1)
        f = y.creator
    del y  # then no output says what it was
    assert [type(x) for x in f.inputs] == [Box]
    assert type(f.inputs[0].creator.inputs[0].creator.inputs[0]) is Box


def test_stand_ins_have_the_class_of_what_they_stand_for():
    seen = []

    class Reads(Function):
        def forward(self, x):
            return x * 1

        def backward(self, gy):
            seen.append((type(self.inputs[0]), self.inputs[0].note, self.inputs[0].data))
            return gy

    class Marked(Parameter):
        __slots__ = ("note",)

    x = Marked(np.ones(2))
    x.note = "kept"
    y = Reads()(x)
    x.data = np.zeros(2)
    y.backward()
    assert seen[0][:2] == (Marked, "kept")
    assert seen[0][2].tolist() == [1, 1]


def test_transforms():
    x, seen = np.array([1.0, 2.0]), []

    def f(v):
        seen.append(type(v))
        return (v**3).sum()

    constant = Box(x, requires_grad=False)  # results are arrays: nobody outside asks
    assert type(fastgrad.grad(f)(constant)) is np.ndarray
    assert fastgrad.hessian(f)(constant).tolist() == [[6, 0], [0, 12]]
    assert fastgrad.jacobian(lambda v: v * 2)(constant).tolist() == [[2, 0], [0, 2]]
    assert fastgrad.jvp(f, (constant,), (x,))[1] == 27
    assert type(fastgrad.hvp(f)(constant, x)) is np.ndarray
    asked = Box(x)
    nested = [
        fastgrad.grad(f)(asked), fastgrad.hessian(f)(asked), fastgrad.jvp(f, (asked,), (x,))[1],
        fastgrad.jacobian(f)(asked), fastgrad.hvp(f)(asked, x), fastgrad.vjp(f, asked)[1](1.0)[0],
        *fastgrad.value_and_grad(f)(asked), fastgrad.elementwise_grad(np.sin)(asked),
        fastgrad.checkpoint(f)(asked), fastgrad.grad(lambda v: 1.0 * v[0])(asked),
        fastgrad.stop_gradient(asked), fastgrad.hessian(lambda v: v.sum())(asked),
        fastgrad.grad(lambda v, u: (u**2).sum(), (0, 1))(asked, x)[0],
    ]  # fmt: skip
    assert {type(v) for v in nested} == {Box}
    assert set(seen) == {Box}


def test_results_are_made_without_init_or_new():
    class Strict(Variable, results=True):
        made = 0

        def __new__(cls, data):
            cls.made += 1
            return super().__new__(cls)

        def __init__(self, data):
            super().__init__(data)
            self.label = "by init"

    x = Strict(np.ones(2))
    y = np.cumsum(x * 2)
    assert Strict.made == 1
    assert type(y) is Strict
    assert not hasattr(y, "label")


def test_overridden_operators_and_properties_are_those_of_results():
    class Loud(Variable, results=True):
        def __add__(self, other):
            return "added"

        @property
        def grad(self):
            gx = Variable.grad.__get__(self)
            return None if gx is None else ("grad", gx)

        @grad.setter
        def grad(self, value):
            Variable.grad.__set__(self, value)

        @property
        def data(self):
            return Variable.data.__get__(self)

        @data.setter
        def data(self, value):
            Variable.data.__set__(self, value)

    x = Loud(np.array(3.0))
    y = x * x
    assert y + 1 == "added"
    y.backward()
    assert x.grad == ("grad", np.array(6.0))
    x.grad, x.data = None, np.array(1.0)
    assert (x.grad, float(x.data)) == (None, 1)


def test_attributes_slots_weak_references_and_finalizers():
    gone = []

    class Ends(Box, results=True):
        def __del__(self):
            gone.append(self.tag)

    y = Ends(np.ones(2)) * 2
    y.tag = "y"
    assert vars(y) == {"tag": "y"}
    reference = weakref.ref(y)
    z = y * 1  # what consumes it does not keep it
    del y
    assert reference() is None
    assert gone == ["of the class", "y"] or gone == ["y"]  # the leaf is the graph's
    del z
    assert sorted(gone) == ["of the class", "of the class", "y"]
    later = [Box(np.ones(2)) * k for k in range(100)] + [Variable(np.ones(2)) for _ in range(100)]
    assert {type(v) for v in later} == {Box, Variable}
    assert not any(vars(v) for v in later)
    s = Slotted(np.ones(2)) * 2
    assert not hasattr(s, "note")
    s.note = s  # a cycle
    reference = weakref.ref(s)
    del s
    gc.collect()
    assert reference() is None


def test_free_lists_do_not_mix_classes():
    for _ in range(200):
        for cls in (Variable, Box, Slotted, Ordinary, Parameter):
            vs = [cls(np.ones(1)) for _ in range(10)] + [cls(np.ones(1)) * 2 for _ in range(10)]
            expected = {Ordinary: Variable, Parameter: Box}.get(cls, cls)
            assert {type(v) for v in vs[10:]} == {expected}
            for v in vs[:10]:
                v.__dict__["x"] = v.data


def test_a_class_goes_when_nobody_needs_it():
    def used():
        class Passing(Variable, results=True):
            pass

        x = Passing(np.ones(2))
        np.sin(x * 2).sum().backward(create_graph=True)
        return weakref.ref(Passing)

    reference = used()
    gc.collect()
    assert reference() is None


def test_class_can_be_assigned():
    x = Box(np.ones(2))
    x.__class__ = Variable
    assert type(x * 2) is Variable
    y = Variable(np.ones(2)) * 2
    y.__class__ = Box
    assert type(y * 2) is Box
    del x, y
    assert {type(Variable(np.ones(1))) for _ in range(10)} == {Variable}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_and_copies(protocol):
    for x in (Box(np.ones(2)), Parameter(np.ones(2)), Slotted(np.ones(2)) * 2):
        for y in (pickle.loads(pickle.dumps(x, protocol)), copy.copy(x), copy.deepcopy(x)):
            assert type(y) is type(x)
            assert type(y + 1) is type(x + 1)


def test_a_copy_of_the_class_is_a_class_of_its_own():
    copied = type("Copied", (Variable,), dict(vars(Box)))  # as `dataclass(slots=True)` makes one
    assert type(copied(np.ones(1)) * 2) is copied


@pytest.mark.parametrize("value", [3, "Box", int, None])
def test_what_is_no_class_of_variables_is_passed_over(value):
    class Spoilt(Variable):
        pass

    Spoilt.__results__ = value
    assert type(Spoilt(np.ones(2)) * 2) is Variable


def test_each_thread_has_its_classes():
    wrong = []

    def work(cls):
        for _ in range(300):
            x = cls(np.array([1.0, 2.0]))
            y = np.tanh(x * 2 + 1)[0] * x.sum()
            y.backward(create_graph=True)
            if not type(y) is type(x.grad) is type(Twice()(x)) is cls:
                wrong.append(type(y))

    threads = [threading.Thread(target=work, args=(cls,)) for cls in (Box, Slotted, Variable) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_other_keywords_of_a_class_go_on():
    class Base:
        def __init_subclass__(cls, *, label=None, **kwargs):
            super().__init_subclass__(**kwargs)
            cls.label = label

    class Labelled(Variable, Base, results=True, label="here"):
        pass

    assert (Labelled.label, type(Labelled(np.ones(1)) * 2)) == ("here", Labelled)
    with pytest.raises(TypeError, match="keyword"):
        type("Wrong", (Variable,), {}, result=True)


def test_hooks_get_the_class():
    seen = []
    x = Box(np.ones(2))
    with contextlib.ExitStack() as stack:
        stack.enter_context(x.register_hook(lambda gx: seen.append(type(gx))))
        (x * x).sum().backward(create_graph=True)
    assert seen == [Box]
    assert Config.enable_backprop


def test_spare_instances_of_a_class_that_is_gone(run_child, monkeypatch):
    # They were freed by the memory where their class had been: a crash, much later.
    monkeypatch.setenv("PYTHONMALLOC", "debug")  # which tells of a free at the wrong address
    run_child(
        """
        import gc
        import numpy as np
        import fastgrad

        def use_a_class():
            class Box(fastgrad.Variable, results=True):
                pass

            return sum(type(2 * Box(np.ones(2))) is Box for _ in range(100))

        fastgrad.empty_cache()
        assert use_a_class() == 100
        gc.collect()
        assert len(fastgrad.Variable.__subclasses__()) == 0
        fastgrad.empty_cache()
        """,
        fresh=True,
    )
