"""The sweep of test_probes.py: `python probes.py part n_parts start` in a process of its own.

Everything that a program can get hold of, from `vars(fastgrad)` and its submodules, and from
recorded graphs, is made, called and asked for its attributes with what does not belong. Each probe
is written to standard output before it is run, so that the one that crashed is the last.
"""

import copy
import gc
import importlib
import itertools
import os
import pickle
import pkgutil
import sys
import types
import warnings

import numpy as np

import fastgrad
from fastgrad import Function, Variable

warnings.simplefilter("ignore")
np.seterr(all="ignore")


def leaf(x=2.0):
    return Variable(np.array(x))


def is_ours(cls):
    module = getattr(cls, "__module__", None)  # of some classes of Python 3.10 a descriptor
    return isinstance(module, str) and module.startswith("fastgrad")


def modules():
    """The package, and all below it."""
    found = [fastgrad]
    for info in pkgutil.walk_packages(fastgrad.__path__, "fastgrad."):
        found.append(importlib.import_module(info.name))
    return found


def recorded():
    """(name, Variable that has a creator): of each kind of node, and of every row that can."""
    x, m, n = leaf(0.5), leaf([[2.0, 0.5], [0.5, 3.0]]), leaf([0.25, 0.5])

    class Python(Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            return gy * 2

    class Two(Python):
        def forward(self, x):
            return x * 2, x * 3

    made = {
        "x + x": x + x, "x - 1": x - 1, "x * n": x * n, "x / n": x / n, "x ** 2": x**2,
        "m @ n": m @ n, "m[0]": m[0], "m[[0]]": m[[0, 0]], "-x": -x, "abs": abs(x),
        "Python": Python()(x), "Two": Two()(x)[0], "astype": x.astype(np.float32),
        "where": np.where(np.array([True, False]), n, n), "concatenate": np.concatenate([n, n]),
        "split": np.split(n, 2)[0], "eigh": np.linalg.eigh(m)[0], "by hand": fastgrad.Add()(x, x),
        "sum by axis": np.sum(m, axis=0), "reshape": np.reshape(m, (4,)),
    }  # fmt: skip
    import fastgrad.numpy as fnp
    from fastgrad._core.row import Row

    for module in (fnp, fastgrad.special, fnp.linalg, fnp.fft):
        for name in sorted(set(dir(module))):
            row = getattr(module, name, None)
            if not isinstance(row, Row):
                continue
            for args in ((n,), (m,), (n, n), (m, n), ([n, n],), (n, 0), (m, (2, 2))):
                try:
                    y = row(*args)
                except Exception:  # noqa: BLE001
                    continue
                y = y[0] if isinstance(y, (tuple, list)) and y else y
                if isinstance(y, Variable) and y.creator is not None:
                    made[f"{module.__name__}.{name}"] = y
                    break
    return made


def released(y):
    """The creator of `y`, after a walk that released it."""
    f = y.creator
    tries(y.backward, False, False, False)
    return f


def instances():
    """(name, a function that makes the object anew)."""
    found = {}
    for module in modules():
        for name, x in sorted(vars(module).items()):
            ours = (is_ours(type(x)) or is_ours(x)) and not isinstance(x, types.ModuleType)
            if ours and not name.startswith("__"):
                found.setdefault(id(x), (f"{module.__name__}.{name}", lambda x=x: x))
    found = list(found.values())
    for name in recorded():
        found.append((f"creator of {name}", lambda n=name: recorded_one(n).creator))
        found.append((f"released creator of {name}", lambda n=name: released(recorded_one(n))))
    for name in ("x + x", "Two", "concatenate", "fastgrad.numpy.arctan"):
        found.append((f"Variable {name}", lambda n=name: recorded_one(n)))
        found.append((f"held by {name}", lambda n=name: gc.get_referents(recorded_one(n).creator)))
    return found


def recorded_one(name):
    return made_now()[name]


cache = []


def made_now():
    """Graphs, made anew every now and then: probes change them."""
    if not cache or cache[0] <= 0:
        cache[:] = [200, recorded()]
    cache[0] -= 1
    return cache[1]


def classes(objects):
    """All classes of ours that these are, or are instances of, with their bases and subclasses."""
    found = {}
    for _, make in objects:
        x = make()
        for y in x if isinstance(x, list) else [x]:
            cls = y if isinstance(y, type) else type(y)
            for base in cls.__mro__:
                if is_ours(base):
                    found.setdefault(base)
    stack = list(found)
    while stack:
        for sub in type.__subclasses__(stack.pop()):
            if is_ours(sub) and sub not in found:
                found[sub] = None
                stack.append(sub)
    return list(found)


def junk():
    """One of each kind, alone and together."""
    # fmt: off
    ones = [None, 1.0, 1, -1, "x", np.ones(2), np.array(None), leaf(), leaf([1.0, 2.0]), [leaf()],
            (), {}, Variable, fastgrad.Add(), Variable.__new__(Variable), [None], (None, None)]
    # fmt: on
    few = [None, 1.0, "x", np.ones(2), leaf()]
    return [(), *[(x,) for x in ones], *itertools.product(few, repeat=2)]


SKIPPED = {
    "__class__", "__init_subclass__", "__subclasshook__", "__dir__", "__sizeof__", "__doc__",
    "__module__", "__abstractmethods__", "__getattribute__", "__delattr__",
}  # fmt: skip


def tries(f, *args):
    """Call `f`; an exception is a good answer."""
    try:
        return f(*args)
    except BaseException:  # noqa: BLE001
        return None


def use(x):
    """What is done with whatever comes out."""
    if isinstance(x, Variable):
        tries(x.backward)
        tries(repr, x)
        tries(x.backward, False, True)
        tries(lambda: [v.data for v in x.creator.inputs])
        tries(lambda: [ref() for ref in x.creator.outputs])
    elif isinstance(x, (tuple, list)):
        for y in x[:3]:
            if not isinstance(y, (tuple, list)):
                use(y)


def probe_instance(make):
    """Calls of an object, and of all that it has, with junk."""
    for args in junk():
        use(tries(make(), *args))
    x = make()
    for y in x if isinstance(x, list) else [x]:
        for f in (copy.copy, copy.deepcopy, repr, hash, len, iter, next, bool, vars,
                  lambda v: pickle.loads(pickle.dumps(v))):  # fmt: skip
            tries(f, y)
        for protocol in range(5):
            tries(lambda p=protocol, y=y: y.__reduce_ex__(p))
        for name in dir(y):
            if name not in SKIPPED:
                probe_attribute(y, name)
    tries(probe_graph, make)


def probe_attribute(y, name):
    attribute = tries(getattr, y, name)
    if isinstance(y, type):
        if not is_ours(y):
            return
        selves = (y, None, 1, object(), leaf(), fastgrad.Add())
        for args in [(), *[(s,) for s in selves], *[(s, leaf()) for s in selves],
                     *[(s, None, None) for s in selves], (leaf(), leaf(), leaf())]:  # fmt: skip
            if name not in ("__setattr__", "__dict__") and callable(attribute):
                use(tries(attribute, *args))
        return
    if callable(attribute) and name not in ("__init__", "__setattr__"):
        for args in ((), (None,), (1.0,), (np.ones(2),), (leaf(),), (y,), (None, None),
                     (leaf(), leaf()), ((None,), {}), ([], None, None)):  # fmt: skip
            use(tries(attribute, *args))


def probe_graph(make):
    """A Function called again, set to work by hand, and walked."""
    f = make()
    if not isinstance(f, Function):
        return
    for value in ([], (), (leaf(),), [leaf()] * 3, [None], None):
        for name in ("inputs", "outputs", "generation", "row", "_y"):
            tries(setattr, f, name, value)
        y = leaf()
        tries(y.set_creator, f)
        use(y)
        tries(setattr, y, "creator", f)
        use(y)
        for args in ((), (leaf(),), (leaf(), leaf()), (leaf([1.0, 2.0]), leaf(), leaf())):
            use(tries(f, *args))


def probe_class(cls):
    """Instances made in every way, and what is left of their methods' checks."""
    made = [tries(cls), tries(cls.__new__, cls), tries(object.__new__, cls)]
    for args in junk():
        made.append(tries(cls, *args))
        made.append(tries(cls.__new__, cls, *args))
    for base in cls.__mro__:
        made.append(tries(base.__new__, cls))
    sub = tries(lambda: type("Sub", (cls,), {}))
    slotted = tries(lambda: type("Slotted", (cls,), {"__slots__": ("extra",)}))
    if sub is not None:
        made += [tries(sub), tries(sub.__new__, sub), tries(sub, leaf())]
    if slotted is not None:
        made += [tries(slotted), tries(slotted, np.ones(2))]
    for x in made:
        if x is None or not isinstance(x, cls):
            continue
        for args in ((), (None,), (np.ones(2),), (leaf(),), (None, None), ("x", "y", "z")):
            tries(x.__init__, *args)
            use(tries(x, *args))
        tries(copy.copy, x), tries(copy.deepcopy, x), tries(repr, x)
        for state in (None, 1, {}, ({}, {}), {"data": None}, ({"data": np.ones(1)}, {"a": 1})):
            tries(lambda x=x, s=state: x.__setstate__(s))
        use(x)
    ours = [x for x in made if isinstance(x, cls)]
    if ours:
        for x in (ours[0], ours[-1]):
            probe_instance(lambda x=x: x)
    for name, attribute in sorted(vars(cls).items()):
        if name in SKIPPED:
            continue
        for self in (None, 1, leaf(), fastgrad.Add(), cls, *ours[:2]):
            tries(lambda a=attribute, s=self: a.__get__(s, type(s)))
            tries(lambda a=attribute, s=self: a.__get__(None, s))
            for value in (None, 1, leaf(), ()):
                tries(lambda a=attribute, s=self, v=value: a.__set__(s, v))
            tries(lambda a=attribute, s=self: a.__delete__(s))
            if callable(attribute):
                use(tries(attribute, self)), use(tries(attribute, self, None))
                use(tries(attribute, self, leaf(), np.ones(2)))


def probes():
    objects = instances()
    for cls in classes(objects):
        yield f"class {cls.__module__}.{cls.__qualname__}", lambda c=cls: probe_class(c)
    for name, make in objects:
        yield name, lambda m=make: probe_instance(m)


if __name__ == "__main__":
    part, n_parts, start = map(int, sys.argv[1:])
    keep = os.dup(1)
    for number, (name, probe) in enumerate(probes()):
        if number % n_parts == part and number >= start:
            os.write(keep, f"{number} {name}\n".encode())
            tries(probe)
    gc.collect()
    os.write(keep, b"end\n")
