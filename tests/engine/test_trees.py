"""Containers of the program's own classes come back from the transforms as what they were."""

import gc
import weakref
from collections import Counter, OrderedDict, UserDict, defaultdict, namedtuple
from typing import NamedTuple

import numpy as np
import pytest

from fastgrad import (
    Variable,
    checkpoint,
    elementwise_grad,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from fastgrad.trees import flatten, rebuild

Point = namedtuple("Point", "a b")


class Typed(NamedTuple):
    a: float
    b: float = 0.0


class Attributed(dict):
    """Keys are attributes too."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.__dict__ = self


class Shouting(dict):
    """Would change what is read, and what is assigned."""

    def __getitem__(self, key):
        return str(dict.__getitem__(self, key))

    def __setitem__(self, key, value):
        dict.__setitem__(self, key, "changed")


class Named(list):
    def __init__(self, name, items):
        super().__init__(items)
        self.name = name


class Pair(tuple):
    """A tuple whose constructor takes its entries one by one."""

    def __new__(cls, a, b):
        made = super().__new__(cls, (a, b))
        made.note = "kept"
        return made


def default():
    return 7.0


def reordered():
    x = OrderedDict(b=2.0, a=3.0)
    x.move_to_end("b")
    return x


TREES = {
    "dict": {"a": 3.0, "b": 2.0},
    "OrderedDict": OrderedDict(b=2.0, a=3.0),
    "OrderedDict, moved": reordered(),
    "defaultdict": defaultdict(default, a=3.0, b=2.0),
    "Counter": Counter(a=3.0, b=2.0),
    "attributes": Attributed(a=3.0, b=2.0),
    "a dict that changes things": Shouting(a=3.0, b=2.0),
    "namedtuple": Point(3.0, 2.0),
    "NamedTuple": Typed(3.0, 2.0),
    "list": [3.0, 2.0],
    "list subclass": Named("mine", [3.0, 2.0]),
    "tuple": (3.0, 2.0),
    "tuple subclass": Pair(3.0, 2.0),
    "nested": OrderedDict(z=Point(Named("n", [3.0]), defaultdict(default, b=2.0))),
}


def product(tree):
    return np.prod([1.0]) * flatten(tree)[0][0] * flatten(tree)[0][1]


def assert_alike(made, tree):
    """The same classes, keys in the same order, and whatever else there is."""
    assert type(made) is type(tree)
    if isinstance(tree, dict):
        assert list(made) == list(tree)
        for key in tree:
            assert_alike(dict.__getitem__(made, key), dict.__getitem__(tree, key))
    elif isinstance(tree, (list, tuple)):
        assert len(made) == len(tree)
        for a, b in zip(made, tree, strict=True):
            assert_alike(a, b)
    if isinstance(tree, defaultdict):
        assert made.default_factory is default
    if isinstance(tree, Attributed):
        assert made.__dict__ is made
        assert made.a is made["a"]
    for name in ("name", "note"):
        assert getattr(made, name, None) == getattr(tree, name, None)


@pytest.mark.parametrize("name", TREES)
def test_containers_come_back_as_themselves(name):
    tree = TREES[name]
    before, structure = flatten(tree)
    assert_alike(rebuild(structure, before), tree)
    values = {
        "grad": grad(product)(tree),
        "value_and_grad": value_and_grad(product)(tree)[1],
        "elementwise_grad": elementwise_grad(product)(tree),
        "jacobian": jacobian(product)(tree),
        "hvp": hvp(product)(tree, tree),
        "vjp": vjp(product, tree)[1](1.0)[0],
        "value of jvp": jvp(lambda t: t, (tree,), (tree,))[0],
        "jvp": jvp(lambda t: t, (tree,), (tree,))[1],
        "value of vjp": vjp(lambda t: t, tree)[0],
        "pulled back": vjp(lambda t: t, tree)[1](tree)[0],
        "aux": grad(lambda t: (product(t), t), has_aux=True)(tree)[1],
        "stop_gradient": stop_gradient(tree),
        "argument": grad(lambda t: assert_alike(swapped(t), tree) or product(t))(tree),
        "checkpoint": grad(lambda t: product(checkpoint(lambda u: u)(t)))(tree),
    }
    for what, made in values.items():
        assert_alike(swapped(made), tree)
        if what in ("grad", "value_and_grad", "elementwise_grad", "jacobian", "argument"):
            expected = [6.0 / float(x) for x in before]
            assert [float(x) for x in flatten(made)[0]] == expected, what
    inner = flatten(hessian(product)(tree))[0]
    assert [float(x) for x in inner] == [0, 1, 1, 0]
    vs = rebuild(structure, [Variable(np.array(float(x))) for x in before])
    assert_alike(swapped(gradients(product(vs), vs)), tree)
    assert flatten(tree)[0] == before  # nothing was written into


def swapped(tree):
    """The same with plain numbers for leaves, for comparison."""
    leaves, structure = flatten(tree)
    return rebuild(structure, [1.0 for _ in leaves])


def test_a_structure_keeps_no_leaves():
    class Leaf:
        pass

    for kind in (OrderedDict, lambda x: Named("n", x.values()), lambda x: Point(*x.values(), 0)):
        leaf = Leaf()
        died = weakref.ref(leaf)
        structure = flatten(kind({"a": leaf}))[1]
        del leaf
        gc.collect()
        assert died() is None
        assert structure is not None


def test_what_cannot_be_made_again_is_an_error():
    class Stubborn(dict):
        def __copy__(self):
            return self

    with pytest.raises(TypeError, match=r"Stubborn.*pass a plain dict"):
        grad(product)(Stubborn(a=1.0, b=2.0))

    class Renaming(dict):
        def __setitem__(self, key, value):
            dict.__setitem__(self, key * 2, value)

    with pytest.raises(TypeError, match=r"Renaming.*pass a plain dict"):
        grad(product)(Renaming(a=1.0, b=2.0))
    with pytest.raises(TypeError, match="argument 0 is a UserDict"):
        grad(product)(UserDict(a=1.0))
