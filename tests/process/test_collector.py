"""What free attributes cost, and that the garbage collector frees what they close into cycles.

An assignment walks nothing, however much it assigns: what a Variable's or a Function's attributes
lead to is looked at when the collector runs.
"""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from fastgrad import Function, Variable, op


class Twice(Function):
    def forward(self, x):
        return 2 * x

    def backward(self, gy):
        return 2 * gy


@pytest.fixture(autouse=True)
def _without_automatic_collections():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf():
    return Variable(np.array(1.5))


ASSIGNMENTS = {
    "an attribute": lambda x, value: setattr(x, "note", value),
    "a name": lambda x, value: setattr(x, "name", value),
    "an attribute of a Function": lambda x, value: setattr(Twice()(x).creator, "note", value),
    "an attribute of a built-in one": lambda x, value: setattr((x * x).creator, "note", value),
}
CONTAINERS = {
    "list": lambda y: [y],
    "nested": lambda y: {"a": [({"b": y},)]},
    "set": lambda y: {y},
    "object": lambda y: SimpleNamespace(y=y),
    "function": lambda y: lambda: y,
    "itself": lambda y: y,
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_assignments_walk_nothing(assignment, container):
    x, h = leaf(), leaf() * 2.0
    y = h * 3.0
    ASSIGNMENTS[assignment](x, CONTAINERS[container](y))
    assert not gc.is_tracked(h)
    assert not gc.is_tracked(h.creator)


def test_calls_of_a_function_walk_nothing():
    x, h = leaf(), leaf() * 2.0
    f = Twice()
    f.table = [h * 3.0]
    for _ in range(3):
        f(x)
    assert not gc.is_tracked(h)


# Each makes a cycle through the leaf `x`, by way of something recorded before `x` was noted.
LATE = {
    "appended later": lambda x, y: (setattr(x, "keep", []), x.keep.append(y)),
    "put into a dict later": lambda x, y: (setattr(x, "keep", {}), x.keep.update(y=[y])),
    "put into an object later": lambda x, y: (
        setattr(x, "keep", SimpleNamespace()),
        setattr(x.keep, "y", y),
    ),
    "put into a name later": lambda x, y: (setattr(x, "name", []), x.name.append(y)),
    "put behind our back": lambda x, y: (setattr(x, "keep", []), vars(x).update(y=y)),
    "in a gradient": lambda x, y: y.backward(create_graph=True),
    "in what a Function keeps": lambda x, y: (
        setattr(y.creator, "keep", []),
        y.creator.keep.append(x),
        setattr(x, "keep", y),
    ),
    "old: after a collection": lambda x, y: (
        setattr(x, "keep", []),
        gc.collect(),
        x.keep.append([y * 2.0]),
    ),
    "old: after it was known": lambda x, y: (
        setattr(x, "keep", y),
        gc.collect(),
        delattr(x, "keep"),
        setattr(x, "other", [y * 2.0]),
    ),
}


@pytest.mark.parametrize(
    ("name", "generation"),
    [(name, g) for name in LATE for g in (0, 2) if g or not name.startswith("old")],
)
def test_cycles_closed_later_are_collected(name, generation):
    def make():
        x = leaf()
        LATE[name](x, x * x)
        return weakref.ref(x)

    died = make()
    assert died() is not None
    gc.collect(generation)
    assert died() is None


def test_a_model_whose_cycle_grows_is_collected():
    class Model:
        pass

    def make():
        model = Model()
        model.w, model.outputs = leaf(), []
        model.w.owner = model
        cube = op("cube", lambda x: x**3, vjp=lambda xp, g, y, x: g * 3 * x * x)
        for i in range(20):
            model.outputs.append({"y": [cube(Twice()(model.w * float(i)))]})
            if i % 7 == 0:
                gc.collect(0)
        model.outputs[3]["y"][0].backward()
        return weakref.ref(model)

    died = make()
    gc.collect()
    assert died() is None


def test_the_walk_runs_no_code_of_the_program():
    ran = []

    class Proxy:
        @property
        def __class__(self):
            ran.append("class")
            raise RuntimeError

        def __getattr__(self, name):
            ran.append(name)
            raise AttributeError(name)

    class Container(dict):
        def values(self):
            ran.append("values")
            return ()

        def __iter__(self):
            ran.append("iter")
            return iter(())

    def make():
        x = leaf()
        x.keep = [Proxy(), Container(y=x * x)]
        return weakref.ref(x)

    died = make()
    gc.collect()
    assert died() is None
    assert ran == []
