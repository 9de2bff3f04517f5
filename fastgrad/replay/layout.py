"""Where the values of a schedule lie, and in which order its instructions come.

A buffer is used again as soon as its value is not needed any more; buffers are the same or have no
byte in common. Loops over arrays of one size that follow each other are a group: they run block by
block, and what nobody reads outside of the group has the memory of one block. A loop that reads one
number for all elements reads it until it ends: where that is a part of a larger value, as in
`y - y[:1]`, nothing is written there meanwhile, by this loop or by another of its group.
"""

import math

import numpy as np

from fastgrad.replay._executor import Schedule
from fastgrad.replay.lowering import Lowering
from fastgrad.replay.values import Ref, Tree

BLOCK = 1024  # numbers
SMALLEST_GROUP = 2 * BLOCK
EVER = 1 << 60
ALIGNMENT = 64
NUMBER = ((), np.dtype(float), ())


def refs_of(x):
    """The numbers of the values in an operand."""
    if type(x) is Ref:
        return [x.i]
    return [i for part in x.parts for i in refs_of(part)] if type(x) is Tree else []


def operands_of(entry):
    """The numbers of all values that an entry reads."""
    return [i for x in (*entry.args, *entry.kwargs.values()) for i in refs_of(x)]


class Layout:
    """The schedule of a log, and what a run has to put into it."""

    def __init__(self, log, shown, step_of):
        """`shown` are the values that are looked at in the end; `step_of` makes a Python call."""
        self.log, self.shown = log, shown
        self.low = low = Lowering(log, log.n_values)
        self.kinds = [self.kind_of(entry) for entry in log.entries]
        self.leave_to_python()
        self.parts = {
            e.outs[0]: kind[1] for e, kind in zip(log.entries, self.kinds, strict=True)
            if kind[0] == "part"
        }  # fmt: skip
        self.parts.update(low.parts)
        self.made_in_python = {
            i for e, kind in zip(log.entries, self.kinds, strict=True) if kind[0] == "python"
            for i in e.outs
        }  # fmt: skip
        self.find_lifetimes()
        self.flat = [
            (k, instruction)
            for k, kind in enumerate(self.kinds) if kind[0] == "native"
            for instruction in kind[1]
        ]  # fmt: skip
        self.spread = {i for _, step in self.flat for i in self.spread_in(step)}
        self.find_groups()
        self.place()
        self.emit(step_of)

    def kind_of(self, entry):
        """("part", (slot, offset)), ("native", instructions) or ("python",)."""
        made = self.low.lower_part(entry)
        if made is not None:
            return "native", made
        part = self.low.part_of(entry)
        if part is not None:
            return "part", part
        made = self.low.lower(entry)
        return ("python",) if made is None else ("native", made)

    def leave_to_python(self):
        """Make arrays of the parts that Python sees."""
        seen = set(self.shown)
        for k in reversed(range(len(self.kinds))):
            entry, kind = self.log.entries[k], self.kinds[k]
            if kind[0] == "part" and entry.outs[0] in seen:
                kind = self.kinds[k] = ("python",)
            if kind[0] == "python":
                seen.update(operands_of(entry))

    def root(self, slot):
        """The slot of which this is a part."""
        while slot in self.parts:
            slot = self.parts[slot][0]
        return slot

    def is_cell(self, slot):
        """Whether it is a number among the cells."""
        return slot not in self.parts and self.low.form(slot) == NUMBER

    def find_lifetimes(self):
        """After which entry the memory of each slot is free."""
        self.last, aliases = {}, {}

        def touch(slot, k):
            slot = self.root(slot)
            if self.last.get(slot, -1) < k:
                self.last[slot] = k
                for other in aliases.get(slot, ()):  # a call may return a part of its operand
                    touch(other, k)

        for k, (entry, kind) in enumerate(zip(self.log.entries, self.kinds, strict=True)):
            operands = {self.root(i) for i in operands_of(entry)}
            if kind[0] == "python":
                for i in entry.outs:
                    aliases[i] = operands
            for i in (*operands, *entry.outs):
                touch(i, k)
        for i in self.shown:
            touch(i, EVER)

    def spread_in(self, step):
        """The slots of which a loop reads one number for all its elements."""
        if step["kind"] not in ("loop", "few"):
            return set()
        return {
            self.root(slot)
            for slot, move in zip(step["slots"][:-1], step["steps"], strict=False)
            if slot in self.parts and not move
        }

    # --- groups ---

    def find_groups(self):
        """Runs of loops over one size; the slots that live in one of them alone."""
        self.groups, self.local = [], {}
        start = 0
        while start < len(self.flat):
            stop = self.end_of_group(start)
            if stop - start > 1:
                self.add_group(start, stop)
            start = max(stop, start + 1)

    def end_of_group(self, start):
        """The end of the run of loops that begins there."""
        k, first = self.flat[start]
        if first["kind"] != "loop" or first["n"] < SMALLEST_GROUP:
            return start
        written, stop, before = set(), start, k
        while stop < len(self.flat):
            k, step = self.flat[stop]
            if step["kind"] != "loop" or step["n"] != first["n"]:
                break
            if step["double"] != first["double"]:
                break
            if any(map(self.has_step, range(before + 1, k))):
                break
            if any(slot in self.parts and self.root(slot) in written for slot in step["slots"]):
                break
            written.add(step["slots"][-1])
            stop, before = stop + 1, k
        return stop

    def has_step(self, k):
        """Whether entry `k`, which is no loop, is a step: a call, or a part of what one makes."""
        kind = self.kinds[k][0]
        if kind == "part":
            return self.root(self.log.entries[k].outs[0]) in self.made_in_python
        return kind == "python"

    def add_group(self, start, stop):
        """Make one of these instructions, and find what lives in it alone."""
        number, last = len(self.groups), self.flat[stop - 1][0]
        self.groups.append((start, stop))
        parts = {self.root(slot) for slot in self.parts}
        for _, step in self.flat[start:stop]:
            slot = step["slots"][-1]
            if self.last[slot] <= last and slot not in parts:
                self.local[slot] = number
        for _, step in self.flat[start:stop]:
            for other in self.spread_in(step) & self.last.keys():
                self.last[other] = max(self.last[other], last)
            step["advance"] = [
                0 if self.local.get(slot) == number else n
                for slot, n in zip(step["slots"], step["steps"], strict=True)
            ]

    # --- memory ---

    def n_bytes(self, slot):
        """What a slot needs."""
        shape, dtype, _ = self.low.form(slot)
        n = BLOCK if slot in self.local else math.prod(shape)
        return -(-n * dtype.itemsize // ALIGNMENT) * ALIGNMENT

    def place(self):
        """Give each value a place in the arena, if it can that of one that ended."""
        self.offsets, self.size = {}, 0
        self.fresh = [i for i in dict.fromkeys(self.shown) if self.is_native_array(i)]
        free, dying, taken = {}, {}, set()
        for slot, k in self.last.items():
            dying.setdefault(k, []).append(slot)
        fresh = set(self.fresh)
        for k, (entry, kind) in enumerate(zip(self.log.entries, self.kinds, strict=True)):
            if kind[0] == "native":
                slot = entry.outs[0]
                if not self.is_cell(slot) and slot not in fresh:
                    self.place_one(slot, k, kind[1], free, taken)
            for slot in dying.get(k, ()):
                if slot in self.offsets and slot not in taken:
                    free.setdefault(self.n_bytes(slot), []).append(self.offsets[slot])

    def is_native_array(self, slot):
        """Whether an instruction makes it, and in an array."""
        if slot in self.log.sources or slot in self.made_in_python or slot in self.parts:
            return False
        return not self.is_cell(slot)

    def place_one(self, slot, k, instructions, free, taken):
        """In the place of an operand that ends here, in one that is free, or behind all others."""
        n = self.n_bytes(slot)
        step = instructions[0]
        if len(instructions) == 1 and step["kind"] in ("loop", "few"):
            for other, move in zip(step["slots"][:-1], step["steps"], strict=False):
                if (other in self.offsets and self.last[other] == k and move
                        and other not in self.spread and self.n_bytes(other) == n):  # fmt: skip
                    self.offsets[slot] = self.offsets[other]
                    taken.add(other)
                    return
        if free.get(n):
            self.offsets[slot] = free[n].pop()
            return
        self.offsets[slot] = self.size
        self.size += n

    # --- the schedule ---

    def emit(self, step_of):
        """Steps, numbers, calls; and the memory."""
        steps, scalars, calls, inner = [], [], [], {}
        starts = dict(self.groups)
        at = 0
        self.first_parts = []
        for k, (entry, kind) in enumerate(zip(self.log.entries, self.kinds, strict=True)):
            if kind[0] == "python":
                dead = dying_in_python(self, k)
                calls.append(step_of(k, entry, dead))
                steps.append({"kind": "python", "first": len(calls) - 1})
            elif kind[0] == "part":
                self.emit_part(entry.outs[0], steps)
            else:
                for step in kind[1]:
                    for slot in step.get("slots", ()):
                        if slot in self.low.parts and slot not in inner:
                            inner[slot] = True
                            self.emit_part(slot, steps)
                    if at in starts:
                        n, item = step["n"], BLOCK
                        steps.append({
                            "kind": "group", "n": n, "first": starts[at] - at, "last": item,
                        })  # fmt: skip
                    at += 1
                    if step["kind"] != "scalar":
                        steps.append(step)
                        continue
                    if not steps or steps[-1]["kind"] != "scalars":
                        steps.append(
                            {"kind": "scalars", "first": len(scalars), "last": len(scalars)}
                        )
                    scalars.append(step["code"])
                    steps[-1]["last"] += 1
        self.n_in_python = len(calls)
        self.schedule = schedule = Schedule(self.low.n_slots, steps, scalars, calls)
        self.fill(schedule)

    def emit_part(self, slot, steps):
        """A part: of what Python makes in the run, when it is there; of all else, before it."""
        base, offset = self.parts[slot]
        if self.root(slot) in self.made_in_python:
            steps.append({"kind": "view", "slots": [base, slot], "offset": offset})
        else:
            self.first_parts.append((slot, base, offset))

    def fill(self, schedule):
        """Lay out the memory."""
        for slot in range(self.low.n_slots):
            if self.is_cell(slot):
                schedule.put_cell(slot)
        for slot, value in self.low.numbers.values():
            if not schedule.put_array(slot, np.array(value)):
                raise AssertionError
        arena = np.zeros(self.size + ALIGNMENT, np.uint8)
        start = -arena.__array_interface__["data"][0] % ALIGNMENT
        self.memory = arena.nbytes
        for slot, offset in self.offsets.items():
            if slot in self.local:
                schedule.put_memory(slot, arena, start + offset)
            else:
                shape, dtype, strides = self.low.form(slot)
                schedule.put_array(slot, np.ndarray(shape, dtype, arena, start + offset, strides))


def dying_in_python(layout, k):
    """What Python made, and nobody needs after entry `k`."""
    return [i for i, last in layout.last.items() if last == k and i in layout.made_in_python]
