"""From two logs that agree to a program: what is called, in which order, with which values."""

import numpy as np

from fastgrad._core import watch
from fastgrad.replay import _executor
from fastgrad.replay.constants import Opaque, form_of, key_of
from fastgrad.replay.guards import mode_of, name_of
from fastgrad.replay.log import Ref, Tree


class Miss(Exception):
    """What was seen in the log is not what is there now: the call has to run as ever."""


def resolver(x):
    """A function that makes an operand of the list of values."""
    if type(x) is Ref:
        i = x.i
        return lambda values: values[i]
    if type(x) is Opaque:
        constant = x.x
        return lambda values: constant
    parts = [resolver(part) for part in x.parts]
    return lambda values: Tree(x.kind, parts, x.keys).filled(lambda part: part(values))


def caller(entry):
    """The function that an entry calls, of its operands' arrays."""
    if entry.kind == "operation":
        return _executor.operation(entry.target)
    if entry.kind == "operation_with":
        return _executor.operation_with(entry.target)
    if entry.kind == "row":
        return entry.target.forward
    if entry.kind == "plain":
        return entry.target
    _, kind, before = entry.target

    def call(*xs):
        f = kind.__new__(kind)  # as it was before the call
        vars(f).update(before) if before else None
        return f.forward(*xs)

    return call


def refs_of(x):
    """The numbers of the values in an operand."""
    if type(x) is Ref:
        return [x.i]
    return [i for part in x.parts for i in refs_of(part)] if type(x) is Tree else []


def operands_of(entry):
    """The numbers of all values that an entry reads."""
    return [i for x in (*entry.args, *entry.kwargs.values()) for i in refs_of(x)]


class Program:
    """What stands for the calls of one signature that take one path."""

    def __init__(self, first, log, structure, results, names):
        self.modes = {i: mode_of(first.sources[i], s) for i, s in log.sources.items()}
        self.sources, self.guards, self.entries = log.sources, log.guards, log.entries
        self.n_values = log.n_values
        self.structure, self.results, self.names = structure, results, names
        self.n_arguments = 0
        self.busy = False
        self.n_replays = 0
        self.constants = {}
        for i, mode in self.modes.items():
            if mode == "constant":
                x = self.sources[i].array
                y = np.copy(x, order="K")
                self.constants[i] = y if y.strides == x.strides else x
        self.last_use = self.last_uses()
        self.steps = [self.step_of(k, entry) for k, entry in enumerate(self.entries)]

    def last_uses(self):
        """After which entry each value is let go of."""
        found = {}
        for k, entry in enumerate(self.entries):
            for i in (*operands_of(entry), *entry.outs):
                found[i] = k
        kept = {g.i for g in self.guards}
        kept |= {x.value.i for x in self.results if type(x.value) is Ref}
        return {i: k for i, k in found.items() if i not in kept and i not in self.sources}

    def step_of(self, k, entry):
        """An entry as a function of the values."""
        function = caller(entry)
        args = [resolver(x) for x in entry.args]
        kwargs = {key: resolver(x) for key, x in entry.kwargs.items()}
        outs, forms = entry.outs, entry.forms
        dead = [i for i, last in self.last_use.items() if last == k]

        def step(values):
            made = function(
                *[x(values) for x in args], **{key: x(values) for key, x in kwargs.items()}
            )
            parts = made if isinstance(made, (tuple, list)) else (made,)
            if len(parts) != len(outs):
                raise Miss
            for i, form, y in zip(outs, forms, parts, strict=True):
                array = np.asarray(y)
                if form_of(array) != form:
                    raise Miss
                values[i] = array
            for i in dead:
                values[i] = None

        return step

    def run(self, leaves):
        """The results for these arguments; Miss if the call takes another path."""
        values = [None] * self.n_values
        for i, source in self.sources.items():
            mode = self.modes[i]
            if mode == "argument":
                x = np.asarray(leaves[source.origin])
            elif mode == "constant":
                x = self.constants[i]
            else:
                x = watch.data_of(source.origin) if mode == "variable" else source.array
                if x is None or form_of(x) != source.form:
                    raise Miss
            values[i] = x
        with np.errstate(**raising()):
            for step in self.steps:
                step(values)
        for guard in self.guards:
            if key_of(guard.what[1](values[guard.i])) != key_of(guard.seen):
                raise Miss
        return [
            result(values[x.value.i], x.whole) if type(x.value) is Ref else x.value.x
            for x in self.results
        ]

    def explained(self):
        """Lines that say what it is made of."""
        return [f"{len(self.entries)} instructions, {len(self.guards)} guards", *self.described()]

    def described(self):
        """A line for each instruction."""
        return [
            f"{k:5d}  {name_of(e):20s} {', '.join(f'%{i}' for i in e.outs)} <- "
            f"{', '.join(f'%{i}' for i in operands_of(e))}   {e.place[0]}:{e.place[1]}"
            for k, e in enumerate(self.entries)
        ]


def raising():
    """An errstate in which what would be reported raises, for the call to run as ever."""
    return {key: "ignore" if value == "ignore" else "raise" for key, value in np.geterr().items()}


class Result:
    """What is returned: a Ref or a constant; `whole`: as an array even where it has no axes."""

    __slots__ = ("value", "whole")

    def __init__(self, value, whole):
        self.value, self.whole = value, whole


def result(x, whole):
    """A value as it is returned: an array that nobody else has, or NumPy's number."""
    return np.array(x) if x.ndim or whole else x[()]
