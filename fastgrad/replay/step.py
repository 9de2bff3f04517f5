"""`replay`: a function that is run as ever, logged twice, and replayed from then on."""

import functools
import sys
import warnings
import weakref

import numpy as np

from fastgrad._core import watch
from fastgrad._core.node import Handle
from fastgrad.replay._runner import Caller
from fastgrad.replay.constants import key_of
from fastgrad.replay.guards import (
    OTHER_PATH,
    Differentiated,
    NoArrays,
    disagreement,
    is_same,
    signature,
)
from fastgrad.replay.log import Log
from fastgrad.replay.names import Names
from fastgrad.replay.plan import Miss, Program, Result, result
from fastgrad.replay.values import Refused
from fastgrad.trees import flatten, is_float, rebuild

MOST = 8  # variants: signatures, and paths through the function for each


class ReplayWarning(UserWarning):
    """A function that was to be replayed is not, or not any more: the text says why."""


class Replay(Caller):
    """A function and its logs: what `fastgrad.replay` makes. Call it like the function."""

    def __init__(self, fun, check, instance=None):
        if not callable(fun):
            raise TypeError(f"replay: expected a function, but fun is a {type(fun).__name__}")
        if check not in ("doubling", None):
            raise ValueError(f"replay: check is {check!r}, expected 'doubling' or None")
        functools.update_wrapper(self, fun)
        self.fun, self.check, self.bound = fun, check, {}
        self.owner = (lambda: None) if instance is None else weakref.ref(instance)
        self.clear()

    def clear(self):
        """Forget all logs and programs: the next calls are logged again."""
        self.runner = self.handed_over = None
        self.programs, self.pending = {}, {}  # by signature: lists
        self.reasons = {}  # by signature: why it is not replayed
        self.given_up = None
        self.n_calls, self.n_eager, self.n_logs = {}, 0, 0

    def __get__(self, instance, owner):
        """As a method: for each object a Replay of its own, as long as the object lives."""
        if instance is None:
            return self
        found = self.bound.get(id(instance))
        if found is None or found[0]() is not instance:
            number = id(instance)
            reference = weakref.ref(instance, lambda _: self.bound.pop(number, None))

            def method(*args, **kwargs):
                return self.fun(reference(), *args, **kwargs)

            functools.update_wrapper(method, self.fun)
            found = self.bound[number] = reference, Replay(method, self.check, instance)
        return found[1]

    def called(self, args, kwargs):
        """A call that no Runner takes."""
        self.count()
        if watch.watching() is not None:
            return self.fun(*args, **kwargs)
        if self.given_up is not None:
            return self.eager(args, kwargs)
        try:
            key, leaves = signature(args, kwargs)
        except Differentiated:
            return self.fun(*args, **kwargs)
        except NoArrays as reason:
            return self.not_for(("arguments",), str(reason), args, kwargs)
        if not leaves:
            return self.not_for(key, "no argument is an array", args, kwargs)
        if key in self.reasons:
            return self.eager(args, kwargs)
        n = self.n_calls[key] = self.n_calls.get(key, 0) + 1
        for program in self.programs.get(key, ()):
            if not program.names.hold():
                continue
            if not program.schedule.begin():
                return self.eager(args, kwargs)  # this thread is in it, or another
            try:
                made = program.run(leaves)
            except Miss:
                continue
            except Exception:  # noqa: BLE001 - a flag, or one of its own: its call will tell
                return self.eager(args, kwargs)
            finally:
                program.schedule.end()
            program.n_counted += 1
            if self.check is not None and (program.n_counted == 1 or (n > 3 and not n & (n - 1))):
                made = self.checked(program, made, args, kwargs)
                if self.given_up is None:
                    self.hand_over(program, key, n, kwargs)
                return made
            self.hand_over(program, key, n, kwargs)
            return rebuild(program.structure, made)
        return self.logged(key, args, kwargs)

    def count(self):
        """Add the calls that the Runner took."""
        if self.runner is not None:
            runner, self.runner = self.runner, None
            program, key = self.handed_over
            n = runner.let(0)
            program.n_counted += n
            self.n_calls[key] = self.n_calls.get(key, 0) + n

    def hand_over(self, program, key, n, kwargs):
        """Let a Runner take the calls up to the next that is checked."""
        if kwargs:
            return
        if program.runner is None:
            program.runner = program.make_runner(key)
        if program.runner is not None:
            program.runner.let(-1 if self.check is None else (1 << n.bit_length()) - 1 - n)
            self.handed_over = program, key
            self.runner = program.runner

    def eager(self, args, kwargs):
        """The function itself."""
        self.n_eager += 1
        return without_variables(self.fun(*args, **kwargs))

    def not_for(self, key, reason, args, kwargs):
        """Calls like this one are not replayed."""
        self.reasons.setdefault(key, reason)
        return self.eager(args, kwargs)

    def checked(self, program, made, args, kwargs):
        """The results of the function itself, which those of the replay have to be."""
        true = self.eager(args, kwargs)
        wrong = first_difference(flatten(true)[0], made)
        if wrong is not None:
            self.give_up(
                f"{wrong} is not, bit for bit, what the function returned when it was called "
                "beside it: it depends on something that cannot be seen, or computes otherwise "
                "with Variables than with arrays (of which the first two calls had the results)"
            )
        return true

    def give_up(self, reason):
        """From now on every call runs as ever."""
        self.given_up = reason
        self.runner = None
        self.programs, self.pending = {}, {}
        warn(f"{getattr(self, '__name__', 'the function')} is not replayed any more: {reason}")

    # --- logging ---

    def logged(self, key, args, kwargs):
        """Call the function with Variables, and see whether there was such a call before."""
        self.n_logs += 1
        if self.n_logs > 2 * MOST:
            self.give_up(
                f"it took more than {MOST} variants: by forms of its arguments or values of those "
                "that are no arrays, by values that it branches on, by names that it reads"
            )
            return self.eager(args, kwargs)
        names = Names(self.fun, self.owner())  # before the call, which may change what they hold
        if names.refused is not None:
            return self.not_for(key, names.refused, args, kwargs)
        log = Log()
        try:
            made = self.traced(log, args, kwargs)
        except Exception as error:  # noqa: BLE001 - whichever it is, the call tells
            true = self.eager(args, kwargs)  # raises, if it was not for the Variables
            self.reasons[key] = (
                f"with Variables in place of arrays it raised {type(error).__name__}: {error}"
                if not log.strayed
                else log.refused
            )
            return true
        if log.strayed:  # and it caught the exception that says so
            self.reasons[key] = log.refused
            return self.eager(args, kwargs)
        leaves, structure = flatten(made)
        if log.refused is None and any(
            isinstance(x, Handle) and x.requires_grad and log.number_of(x) is None for x in leaves
        ):
            raise variable_returned()
        if not any(isinstance(x, (Handle, np.ndarray, np.generic)) for x in leaves):
            raise TypeError(
                f"replay: {getattr(self, '__name__', 'the function')} returned no array, but a "
                f"{type(made).__name__}"
            )
        try:
            results = [Result(log.lifted(x), id(x) in log.whole) for x in leaves]
        except Refused as reason:
            log.refuse(str(reason))
            results = []
        if log.refused is not None:
            self.reasons[key] = log.refused
        else:
            self.compare(key, log, names, structure, results)
        return rebuild(structure, [as_array(x, log) for x in leaves])

    def traced(self, log, args, kwargs):
        """The function, of Variables, under the log."""
        leaves, structure = flatten((args, kwargs))
        i, lifted = 0, []
        for x in leaves:
            if isinstance(x, (np.ndarray, np.floating, np.complexfloating)):
                x = log.argument(i, x, is_float(x))
                i += 1
            lifted.append(x)
        args, kwargs = rebuild(structure, lifted)
        before = watch.begin(log)
        try:
            return self.fun(*args, **kwargs)
        finally:
            watch.end(before)

    def compare(self, key, log, names, structure, results):
        """Make a program of two logs that agree; keep this one for a second, else."""
        pending = self.pending.setdefault(key, [])
        for other in list(pending):
            first, first_results, first_names = other
            if not first_names.hold():
                if other in pending:
                    pending.remove(other)
                continue
            reason = disagreement(first, log)
            if reason is None:
                if len(results) != len(first_results) or not all(
                    is_same(first, log, x.value, y.value)
                    for x, y in zip(first_results, results, strict=True)
                ):  # fmt: skip
                    reason = "a result is a constant that differed between the first two calls"
                else:
                    if other in pending:  # else another thread has it
                        pending.remove(other)
                    program = Program(first, log, structure, results, names)
                    log.release()
                    self.programs.setdefault(key, []).append(program)
                    return
            if reason is not OTHER_PATH:
                self.reasons[key] = reason
                self.programs.pop(key, None)
                return
        log.release()
        pending.append((log, results, names))

    # --- what it says of itself ---

    def explain(self):
        """A text: what is replayed, by how many instructions, and what is not, and why."""
        lines = [f"replay of {getattr(self, '__name__', self.fun)}"]
        if self.given_up is not None:
            lines.append(f"  given up: {self.given_up}")
        for programs in self.programs.values():
            for program in programs:
                lines += ["  " + line for line in program.explained()]
        for reason in self.reasons.values():
            lines.append(f"  not replayed: {reason}")
        for logs in self.pending.values():
            for _ in logs:
                lines.append("  logged once: a second call that agrees will be replayed")
        return "\n".join(lines)

    def __repr__(self):
        return f"<replay of {self.fun!r}>"


def as_array(x, log):
    """A result of a logged call as it is returned: no Variable."""
    return result(watch.data_of(x), id(x) in log.whole) if isinstance(x, Handle) else x


def without_variables(tree):
    """A result with arrays for Variables that need no gradient; TypeError for one that does."""
    if isinstance(tree, (np.ndarray, np.generic)):
        return tree
    if type(tree) is tuple and all(isinstance(x, (np.ndarray, np.generic)) for x in tree):
        return tree
    leaves, structure = flatten(tree)
    if not any(isinstance(x, Handle) for x in leaves):
        return tree
    if any(isinstance(x, Handle) and x.requires_grad for x in leaves):
        raise variable_returned()
    return rebuild(structure, [x.data if isinstance(x, Handle) else x for x in leaves])


def variable_returned():
    """The TypeError for a function that returns a Variable."""
    return TypeError(
        "replay: the function returned a Variable, which is no result of its arguments, or leads "
        "to a Variable that it captured: pass that as an argument, or return its data"
    )


def first_difference(true, made):
    """Which of the results is not the same, or None."""
    if len(true) != len(made):
        return "the number of results"
    for i, (x, y) in enumerate(zip(true, made, strict=True)):
        if isinstance(x, (np.ndarray, np.generic)) or isinstance(y, (np.ndarray, np.generic)):
            a, b = np.asarray(x), np.asarray(y)
            if a.shape != b.shape or a.dtype != b.dtype or not is_alike(a, b):
                return f"result {i}"
        elif key_of(x) != key_of(y):
            return f"result {i}"
    return None


def is_alike(a, b):
    """Whether they have the same bits; but for those of NaNs, of which NumPy's loops take any."""
    if a.tobytes() == b.tobytes():
        return True
    if a.dtype.kind not in "fc":
        return False
    a, b = (np.ascontiguousarray(x).ravel().view(x.real.dtype) for x in (a, b))
    known = ~np.isnan(a)
    return np.array_equal(known, ~np.isnan(b)) and a[known].tobytes() == b[known].tobytes()


def warn(text):
    """A ReplayWarning at the line of the program that called."""
    frame, level = sys._getframe(1), 2
    while frame is not None and (frame.f_globals.get("__name__") or "").startswith("fastgrad."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, ReplayWarning, stacklevel=level)
