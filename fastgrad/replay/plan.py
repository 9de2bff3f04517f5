"""From two logs that agree to a program: what is called, in which order, with which values."""

import numpy as np

from fastgrad._core import watch
from fastgrad.replay import _calls
from fastgrad.replay._runner import NotFlat, Runner
from fastgrad.replay.constants import Opaque, form_of, key_of
from fastgrad.replay.guards import mode_of, name_of
from fastgrad.replay.layout import Layout
from fastgrad.replay.values import Ref, Tree
from fastgrad.trees import rebuild

FLAGS = {"divide": 1, "over": 2, "under": 4, "invalid": 8}  # as NumPy numbers them


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
        return _calls.operation(entry.target)
    if entry.kind == "operation_with":
        return _calls.operation_with(entry.target)
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


class Program:
    """What stands for the calls of one signature that take one path."""

    def __init__(self, first, log, structure, results, names):
        self.modes = {i: mode_of(first.sources[i], s) for i, s in log.sources.items()}
        self.sources, self.guards, self.entries = log.sources, log.guards, log.entries
        self.n_values = log.n_values
        self.structure, self.results, self.names = structure, results, names
        self.n_arguments = 0
        self.n_counted = 0
        self.runner = None
        self.constants = {}
        for i, mode in self.modes.items():
            if mode == "constant":
                x = self.sources[i].array
                y = np.copy(x, order="K")
                self.constants[i] = y if y.strides == x.strides else x
        names.watch_contents([
            watch.data_of(s.origin) if self.modes[i] == "variable" else s.array
            for i, s in self.sources.items() if self.modes[i] in ("variable", "array")
        ])  # fmt: skip
        shown = [g.i for g in self.guards]
        shown += [x.value.i for x in results if type(x.value) is Ref]
        self.layout = Layout(log, shown, self.step_of)
        self.schedule = self.layout.schedule
        self.prepare()

    @property
    def n_replays(self):
        """How often it ran."""
        return self.n_counted + (0 if self.runner is None else self.runner.n_calls)

    def prepare(self):
        """Put what is the same in each run, and see what is not."""
        self.given, self.captured = [], []
        for i, source in self.sources.items():
            mode = self.modes[i]
            if mode == "argument":
                self.given.append((i, source.origin))
            elif mode == "constant":
                self.schedule.put_array(i, self.constants[i])
            else:
                self.captured.append((i, source, mode))
        self.fresh = [(i, *self.layout.low.form(i)) for i in self.layout.fresh]

    def step_of(self, k, entry, dead):
        """An entry as a function of the values, which runs in Python."""
        function = caller(entry)
        args = [resolver(x) for x in entry.args]
        kwargs = {key: resolver(x) for key, x in entry.kwargs.items()}
        outs, forms = entry.outs, entry.forms
        if is_the_programs(entry):
            args = [copied(x) for x in args]

        def step(values):
            made = function(
                *[x(values) for x in args], **{key: x(values) for key, x in kwargs.items()}
            )
            parts = made if isinstance(made, (tuple, list)) else (made,)
            if len(parts) != len(outs):
                raise Miss
            for i, form, y in zip(outs, forms, parts, strict=True):
                array = np.asarray(y)
                if form_of(array) != form or not array.flags.aligned:
                    raise Miss
                if not self.schedule.put_array(i, array):
                    raise Miss
            for i in dead:
                values[i] = None

        return step

    def run(self, leaves):
        """The results for these arguments; Miss if the call takes another path."""
        schedule = self.schedule
        for i, k in self.given:
            schedule.put_array(i, np.asarray(leaves[k]))
        for i, source, mode in self.captured:
            x = watch.data_of(source.origin) if mode == "variable" else source.array
            if x is None or form_of(x) != source.form or not x.flags.aligned:
                raise Miss
            if not schedule.put_array(i, x):
                raise Miss
        for i, shape, dtype, strides in self.fresh:
            schedule.put_array(i, new_array(shape, dtype, strides))
        for part in self.layout.first_parts:
            schedule.put_view(*part)
        if schedule.in_python:
            with np.errstate(**raising()):
                up = schedule.run()
        else:
            up = schedule.run()
        if up and is_reported(up):
            raise FloatingPointError
        values = schedule.arrays
        if not self.guards_hold():
            raise Miss
        made, taken = [], set()
        for x in self.results:
            made.append(self.result_of(x, values, taken))
        for i, *_ in (*self.fresh, *self.given):
            if not self.layout.is_cell(i):
                values[i] = None
        return made

    # --- what a Runner asks, see _runner.pyx ---

    def guards_hold(self):
        """Whether the program would do the same with what the schedule computed."""
        values = self.schedule.arrays
        return all(
            key_of(guard.what[1](values[guard.i])) == key_of(guard.seen) for guard in self.guards
        )

    def run_in_python(self):
        """Whether the schedule ran, without an error and without a flag that is reported."""
        try:
            with np.errstate(**raising()):
                up = self.schedule.run()
        except Exception:  # noqa: BLE001 - the call itself will raise it
            return False
        return not (up and is_reported(up))

    def is_reported(self, up):
        """Whether the errstate warns or raises for one of these flags."""
        return is_reported(up)

    def rebuilt(self, made):
        """The results in their structure."""
        return rebuild(self.structure, made)

    def make_runner(self, key):
        """A Runner, if the arguments are arrays and numbers one after the other; else None."""
        (kind, n), *forms = key[0], *key[1:]
        if kind is not tuple or n != len(forms) or n != len(self.given):
            return None
        given = []
        for i, place in sorted(self.given, key=lambda pair: pair[1]):
            is_scalar = forms[place] is np.float64
            if not is_scalar and not (
                isinstance(forms[place], tuple) and isinstance(forms[place][0], tuple)
            ):
                return None
            given.append((i, place, self.layout.low.form(i), is_scalar))
        captured = [(i, 0, s.form, False, s.origin if mode == "variable" else s.array)
                    for i, s, mode in self.captured]  # fmt: skip
        fresh = [(i, 0, self.layout.low.form(i), False) for i in self.layout.fresh]
        self.names.hold()
        flat = self.structure is None or (self.structure[0] is tuple and not any(self.structure[1]))
        try:
            return Runner(
                self, given, captured, fresh, self.layout.first_parts, self.result_kinds(),
                self.structure is None, None if flat else self.structure, self.names.held,
            )  # fmt: skip
        except NotFlat:
            return None

    def result_kinds(self):
        """How a Runner makes each result."""
        kinds, taken = [], set()
        for x in self.results:
            if type(x.value) is not Ref:
                kinds.append((4, 0, x.value.x))
                continue
            i = x.value.i
            if self.layout.is_cell(i) and not x.whole:
                kinds.append((0, i, None))
            elif i in self.layout.fresh and self.layout.low.form(i)[0]:
                kinds.append((3 if i in taken else 1, self.layout.fresh.index(i), None))
                taken.add(i)
            else:
                kinds.append((2, i, x.whole))
        return kinds

    def result_of(self, x, values, taken):
        """One of the results: an array that nobody else has."""
        if type(x.value) is not Ref:
            return x.value.x
        i = x.value.i
        if i in self.layout.fresh and i not in taken and (x.whole or values[i].ndim):
            taken.add(i)
            return values[i]
        return result(values[i], x.whole)

    def explained(self):
        """Lines that say what it is made of."""
        layout = self.layout
        lines = [
            f"{len(self.entries)} operations, {layout.n_in_python} of them in Python, "
            f"{len(self.guards)} guards, {layout.memory / 1000:.1f} kB of buffers; "
            f"replayed {self.n_replays} times"
        ]
        places = {}
        for entry, kind in zip(self.entries, layout.kinds, strict=True):
            if kind[0] == "python":
                line = f"in Python: {name_of(entry)} ({entry.place[0]}:{entry.place[1]})"
                places[line] = places.get(line, 0) + 1
        lines += [f"  {line}" + (f", {n} times" if n > 1 else "") for line, n in places.items()]
        lines += [
            f"  guard: {g.what[0]} of a value is {g.seen} ({g.place[0]}:{g.place[1]})"
            for g in self.guards
        ]
        return lines


def is_the_programs(entry):
    """Whether it calls code of the program, which may keep what it gets."""
    return entry.kind == "function" or (entry.kind == "row" and not entry.target.ours)


def copied(x):
    """A resolver of copies."""

    def resolve(values):
        found = x(values)
        return found.copy(order="K") if isinstance(found, np.ndarray) else found

    return resolve


def new_array(shape, dtype, strides):
    """An array of that form, which has no gaps: its axes may be in any order."""
    x = np.empty(shape, dtype)
    if x.strides == strides:
        return x
    axes = sorted(range(len(shape)), key=lambda i: (-strides[i], shape[i] == 1))
    x = np.empty([shape[i] for i in axes], dtype)
    return x.transpose(np.argsort(axes))


def is_reported(up):
    """Whether the errstate warns or raises for one of these flags."""
    state = np.geterr()
    return any(up & bit and state[name] != "ignore" for name, bit in FLAGS.items())


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
