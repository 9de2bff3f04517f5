"""The log of a call: every operation on a Variable, in order, and what it read from outside.

The function runs with Variables in place of its arrays, so whatever is computed from them is told
to the log by the engine (`_core/watch.pxd`), derivatives included: these take the recorded
backward. A value is known by its array, whichever Variable has it; what no operation made comes
from outside: an argument, a Variable or an array that the function captured, or a constant.

What a program reads of a value decides whether the log can be replayed. A truth, a number or an
index taken from it is a guard. What hands out the array itself, so that nobody sees what is made of
it, makes the log `refused`, with the reason.
"""

import operator
import sys
from threading import get_ident

import numpy as np

from fastgrad._core import watch
from fastgrad._core.node import Handle, Node
from fastgrad._core.row import Row
from fastgrad.replay.constants import Opaque, contents_of, form_of, is_same_place
from fastgrad.replay.reads import CARRIERS, CONVERSIONS, FORMS, LOGGED
from fastgrad.replay.values import Entry, Guard, Ref, Refused, Source, Traced, Tree

COMPARISONS = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


def place_of_call():
    """(file, line) of the program, from where it called."""
    frame = sys._getframe(1)
    while frame is not None:
        name = (frame.f_globals.get("__name__") or "").partition(".")[0]
        if name not in ("fastgrad", "numpy"):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "?", 0


class Log:
    """The log of one call in one thread."""

    def __init__(self):
        self.thread = get_ident()
        self.sources = {}  # by number of the value
        self.entries, self.guards = [], []
        self.n_values = 0
        self.known = {}  # numbers by id of the array
        self.places = {}  # numbers by (id of the creator, slot)
        self.arrays = []  # by number
        self.kept = []  # what must stay alive as long as ids count
        self.refused = None  # the reason
        self.strayed = False  # whether the function went another way than with arrays
        self.whole = set()  # ids of Variables that stay arrays where they have no axes
        self.arguments_0d = set()  # numbers of arguments that are arrays without axes
        self.calling = None  # the Function whose call is told already

    # --- what the engine tells: see _core/watch.pxd ---

    def operation(self, cls, x0, x1, y):
        """A compiled operation."""
        args = (x0,) if x1 is None else (x0, x1)
        self.note("operation", cls, args, {}, [y])

    def operation_with(self, cls, x, parameter, y):
        """One with a parameter."""
        self.note("operation_with", cls, (x, parameter), {}, [y])

    def row(self, row, args, kwargs, ys, writes):
        """A row."""
        if writes:
            self.refuse(f"{row.name} writes into an array (out=)")
        self.note("row", row, args, kwargs, ys)

    def function(self, f, inputs):
        """A Function: NotImplemented, for it to be called, where that was told already."""
        if self.calling is f:
            self.calling = None
            return NotImplemented
        before = dict(getattr(f, "__dict__", None) or {})
        outer, self.calling = self.calling, f
        try:
            ys = f(*inputs)
        finally:
            self.calling = outer
        state = (type(f), before)
        made = ys if isinstance(ys, list) else [ys]
        if all(id(watch.data_of(y)) in self.known for y in made):
            self.places_of(made)  # it handed on what was computed already
        else:
            after = getattr(f, "__dict__", None) or {}
            if any(k not in before or before[k] is not v for k, v in after.items()
                   if k not in ("inputs", "outputs")):  # fmt: skip
                self.refuse(
                    f"{type(f).__name__} keeps something on self in forward, which its backward "
                    "may read out of sight"
                )
            self.note("function", f, inputs, {}, made, state)
        return ys

    def comparison(self, x, other, op):
        """`x < other` and the like."""
        if not self.depends((x, other)):
            return NotImplemented
        made = COMPARISONS[op](watch.data_of(x), plain_of(other))
        return self.answer("plain", COMPARISONS[op], (x, other), {}, made)

    def plain(self, function, args, kwargs):
        """A function of NumPy's, the result of which is plain."""
        made = function(*map(plain_of, args), **{key: plain_of(x) for key, x in kwargs.items()})
        if function in FORMS or not self.depends((args, kwargs)):
            return made
        if function not in LOGGED:
            self.refuse(f"{getattr(function, '__name__', function)} reads values out of sight")
            return made
        return self.answer("plain", function, args, kwargs, made)

    def value(self, x):
        """The value of a Variable, for a rule: a Variable that needs no gradient."""
        array = watch.data_of(x)
        return self.constant(array) if self.number_of(x) is not None else array

    def restored(self, x):
        """A saved operand as a Variable, if it is a value that the log knows."""
        if isinstance(x, np.ndarray) and id(x) in self.known:
            return self.constant(x)
        return x

    def asked(self, x):
        """For its truth."""
        self.guard(x, "bool", bool)

    def read(self, x):
        """For its array. A form is no secret, and who hands the array on unchanged may have it."""
        if self.number_of(x) is None:
            return
        frame = sys._getframe(1)
        module, name = frame.f_globals.get("__name__") or "", frame.f_code.co_name
        if module == "fastgrad.methods" and name in CONVERSIONS:
            self.guard(x, name.strip("_"), CONVERSIONS[name])
        elif (module, name) not in CARRIERS and module != "fastgrad.replay.step":
            by = f" by {module}.{name}" if module.partition(".")[0] == "fastgrad" else ""
            self.refuse(f"the array of a value is read{by}, and what is made of it is not seen")

    def assigned(self, x):
        """Data is assigned to it: an effect on the outside, or on what is known of it."""
        self.refuse("data is assigned to a Variable (x.data = ...)")

    def given(self, x, gx):
        """`gx`, a Variable, is the gradient for what was given as `x`."""
        if isinstance(x, Handle) and self.number_of(x) in self.arguments_0d:
            self.whole.add(id(gx))
            self.kept.append(gx)

    def run(self, ys):
        """Gradients were computed as arrays."""
        if any(self.number_of(y) is not None for y in ys):
            self.refuse("gradients are computed as arrays: backward() inside, or for a constant")

    # --- what it makes of that ---

    def note(self, kind, target, args, kwargs, ys, state=None):
        """A call with these results, Variables."""
        if self.refused is not None:
            return
        try:
            args = tuple(self.lifted(x) for x in args)
            kwargs = {key: self.lifted(x) for key, x in kwargs.items()}
        except Refused as reason:
            self.refuse(str(reason))
            return
        arrays = [watch.data_of(y) for y in ys]
        self.places_of(ys)
        if all(id(array) in self.known for array in arrays):
            return  # handed on
        outs = [self.new_value(array) for array in arrays]
        self.places_of(ys)
        forms = [form_of(array) for array in arrays]
        target = target if state is None else (target, *state)
        self.entries.append(Entry(kind, target, args, kwargs, outs, forms, place_of_call()))

    def answer(self, kind, function, args, kwargs, made):
        """A plain result as a Variable, or a tuple of them; as it is, and guarded, if no array."""
        many = isinstance(made, tuple)
        parts = list(made) if many else [made]
        if not all(isinstance(part, (np.ndarray, np.generic)) for part in parts):
            y = self.constant(np.asarray(made))
            self.note(kind, function, args, kwargs, [y])
            self.guard(y, "result", np.ndarray.tolist)
            return made
        ys = [self.constant(np.asarray(part)) for part in parts]
        self.note(kind, function, args, kwargs, ys)
        return tuple(ys) if many else ys[0]

    def constant(self, array):
        """A Variable that needs no gradient."""
        y = Traced(array, requires_grad=False)
        self.kept.append(y)
        return y

    def argument(self, i, x, requires_grad):
        """A Variable for argument `i`, of an array of its own, so that no other is taken for it."""
        array = np.asarray(x).view()
        y = Traced(array, requires_grad=requires_grad)
        n = self.new_value(array)
        self.sources[n] = Source("argument", i, array, None)
        if isinstance(x, np.ndarray) and x.ndim == 0:
            self.arguments_0d.add(n)
        self.kept.append(y)
        return y

    def guard(self, x, what, read):
        """Note what was read of the value of `x`."""
        i = self.number_of(x)
        if i is not None and self.refused is None:
            seen = read(watch.data_of(x))
            self.guards.append(Guard(i, (what, read), seen, len(self.entries), place_of_call()))

    def release(self):
        """Let go of what was computed: a program needs none of it."""
        self.known, self.places, self.arrays, self.kept = {}, {}, [], []
        for source in self.sources.values():
            if source.kind == "argument":
                source.array = None

    def refuse(self, reason):
        """Nothing is replayed of this call. The first reason stays."""
        if self.refused is None:
            file, line = place_of_call()
            self.refused = f"{reason} ({file}:{line})"

    def new_value(self, array):
        """Its number."""
        if id(array) not in self.known:
            self.known[id(array)] = self.n_values
            self.arrays.append(array)
            self.n_values += 1
        return self.known[id(array)]

    def places_of(self, ys):
        """Remember where in the graph values are, by which Variables are made of them anew."""
        for y in ys:
            self.kept.append(y)
            number = self.known.get(id(watch.data_of(y)))
            if number is not None and (place := watch.place_of(y)) is not None:
                self.kept.append(place)
                self.places[id(place[0]), place[1]] = number

    def number_of(self, x):
        """The number of the value of a Variable, or None."""
        array = watch.data_of(x)
        number = self.known.get(id(array))
        if number is None and (place := watch.place_of(x)) is not None:
            number = self.places.get((id(place[0]), place[1]))
            if number is not None and contents_of(self.arrays[number]) != contents_of(array):
                number = None
        return number

    def depends(self, tree):
        """Whether a Variable in it is a value that the log knows."""
        if isinstance(tree, Handle):
            return self.number_of(tree) is not None
        if isinstance(tree, np.ndarray):
            return id(tree) in self.known
        if isinstance(tree, dict):
            return any(map(self.depends, tree.values()))
        return isinstance(tree, (list, tuple)) and any(map(self.depends, tree))

    def lifted(self, x):
        """An operand as the log keeps it: a Ref, a Tree, or a constant."""
        if isinstance(x, Handle):
            number = self.number_of(x)
            if number is None:
                if watch.place_of(x) is not None:
                    raise Refused("an operand is a Variable that was computed out of sight")
                number = self.source("variable", x, watch.data_of(x))
            return Ref(number)
        if isinstance(x, np.ndarray):
            return Ref(self.of_array(x))
        if type(x) in (list, tuple):
            return Tree(type(x), [self.lifted(part) for part in x])
        if isinstance(x, (list, tuple, dict)):
            if type(x) is not dict:
                raise Refused(f"an operand is a {type(x).__name__}")
            return Tree(dict, [self.lifted(part) for part in x.values()], list(x))
        if type(x) is slice:
            return Tree(slice, [self.lifted(part) for part in (x.start, x.stop, x.step)])
        return Opaque.of(x, Refused)

    def of_array(self, x):
        """The number of an operand that is an array."""
        number = self.known.get(id(x))
        if number is not None:
            return number
        base = x.base
        while isinstance(base, np.ndarray):
            number = self.known.get(id(base))
            if number is not None:
                if is_same_place(x, base):
                    return number
                if number in self.sources and self.sources[number].kind != "argument":
                    break  # a part of what was captured
                raise Refused("an operand is a part of a value, taken out of sight")
            base = base.base
        return self.source("array", x, x)

    def source(self, kind, origin, array):
        """The number of a value from outside."""
        if array is None or array.dtype.hasobject:
            raise Refused("an operand is no array of numbers")
        number = self.new_value(array)
        self.sources[number] = Source(kind, origin, array, place_of_call())
        return number


def plain_of(x):
    """`x` with arrays in place of Variables."""
    if isinstance(x, Handle):
        return watch.data_of(x)
    if isinstance(x, (list, tuple)) and type(x) in (list, tuple):
        return type(x)(map(plain_of, x))
    return x


class _Stranger:
    """For threads without a log: nothing is told, but that a value of another's log is used."""

    def __getattr__(self, name):
        def told(*args, **_):
            for other in watch.others():
                if other.depends([x for x in args if not isinstance(x, (Row, Node, type))]):
                    other.refuse("another thread computes with a value")
            return NotImplemented

        return told

    def value(self, x):
        """The array."""
        self.read(x)
        return watch.data_of(x)


Stranger = _Stranger()
