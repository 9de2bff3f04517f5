"""From the entries of a log to instructions: which have one, and what calls Python.

An entry has an instruction if its operands lie in memory as NumPy's inner loop, or ours, takes
them, so that the bits are those of the call. A result that is a part of its operand, seen in the
log, is a pointer into it. Everything else calls what the entry called, in Python.
"""

import operator

import numpy as np

from fastgrad.functions import (
    _arithmetic,
    _choosing,
    _elementwise,
    _indexing,
    _products,
    _reductions,
)
from fastgrad.replay._executor import BINARY, LOOPS, SCALAR_OPS, UNARY
from fastgrad.replay.constants import Opaque
from fastgrad.replay.operands import (
    Operand,
    address,
    constant_of,
    dense_like,
    dense_strides,
    few_of,
    is_basic,
    is_c_dense,
    is_constant,
    is_f_dense,
    number_at,
    size_of,
)
from fastgrad.replay.values import Ref, Tree

OPERATIONS = {
    _arithmetic.Add: "add", _arithmetic.Sub: "sub", _arithmetic.Mul: "mul",
    _arithmetic.Div: "div", _arithmetic.Neg: "neg", _arithmetic.Abs: "abs",
    _arithmetic.Pow: "pow", _choosing.Maximum: "maximum", _choosing.Minimum: "minimum",
    _elementwise.Exp: "exp", _elementwise.Log: "log", _elementwise.Sqrt: "sqrt",
    _elementwise.Square: "square", _elementwise.Tanh: "tanh", _elementwise.Sin: "sin",
    _elementwise.Cos: "cos",
}  # fmt: skip
UFUNCS = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.divide: "div", np.negative: "neg",
    np.absolute: "abs", np.sign: "sign", np.sqrt: "sqrt", np.square: "square",
    np.maximum: "maximum", np.minimum: "minimum", np.exp: "exp", np.log: "log", np.tanh: "tanh",
    np.sin: "sin", np.cos: "cos",
}  # fmt: skip
# Whose bits do not depend on how the numbers lie in memory.
EXACT = {"add", "sub", "mul", "div", "neg", "abs", "sqrt", "maximum", "minimum"}
COMPARISONS = {
    operator.lt: 0, operator.le: 1, operator.eq: 2, operator.ne: 3, operator.gt: 4, operator.ge: 5,
    np.less: 0, np.less_equal: 1, np.equal: 2, np.not_equal: 3, np.greater: 4, np.greater_equal: 5,
}  # fmt: skip
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
MOST_AXES = 8


class NoInstruction(Exception):
    """The entry is for Python."""


class Lowering:
    """The instructions for the entries of a log, and what lies where is told by plan.py."""

    def __init__(self, log, n_values):
        self.log = log
        self.forms = [(x.shape, x.dtype, x.strides) for x in log.arrays]
        self.n_slots = n_values
        self.numbers = {}  # slots of constants, by (bits, dtype)
        self.parts = {}  # slots that are a part of another: (its slot, offset)
        self.extra = {}  # forms of slots beyond the values
        self.instructions = []  # (entry number, [instruction], reads, writes)

    def form(self, slot):
        """Shape, dtype and strides."""
        return self.forms[slot] if slot < len(self.forms) else self.extra[slot]

    def new_slot(self, form):
        """One beyond the values."""
        slot = self.n_slots
        self.n_slots += 1
        self.extra[slot] = form
        return slot

    def operand(self, x, like):
        """The operand `x` beside results of the dtype `like`."""
        if type(x) is Ref:
            found = Operand(x.i, self.forms[x.i])
            if found.dtype != like or not size_of(found.shape):
                raise NoInstruction
            return found
        if type(x) is not Opaque:
            raise NoInstruction
        number = x.x
        if type(number) is int and abs(number) > 1 << 53:
            raise NoInstruction
        if type(number) not in (int, float) and not (
            type(number) is np.float64 and like == np.float64
        ):
            raise NoInstruction
        value = like.type(number)
        if np.isinf(value) and not np.isinf(number):
            raise NoInstruction
        key = value.tobytes(), like
        if key not in self.numbers:
            self.numbers[key] = self.new_slot(((), like, ())), value
        return Operand(self.numbers[key][0], ((), like, ()))

    def part_of(self, entry):
        """(slot, offset) if the one result is a part of the one operand, else None."""
        if len(entry.outs) != 1 or entry.kwargs or entry.kind not in ("operation_with", "row"):
            return None
        if entry.kind == "row" and not entry.target.ours:
            return None
        first, *rest = entry.args
        if type(first) is not Ref or not all(map(is_constant, rest)):
            return None
        x, y = self.log.arrays[first.i], self.log.arrays[entry.outs[0]]
        if not x.size or not y.size or x.dtype != y.dtype or not np.may_share_memory(x, y):
            return None
        return first.i, address(y) - address(x)

    def lower_part(self, entry):
        """One element, copied to be a number of its own: `x[3]`, or a part without axes."""
        if len(entry.outs) != 1 or self.forms[entry.outs[0]] != ((), np.dtype(float), ()):
            return None
        found = self.part_of(entry)
        if found is None:
            if entry.target is not _indexing.GetItem or not is_constant(entry.args[1]):
                return None
            index = constant_of(entry.args[1])
            x = self.log.arrays[entry.args[0].i]
            if not is_basic(index) or not x.size:
                return None
            part = number_at(x, index)
            found = entry.args[0].i, address(part) - address(x)
        slot = self.new_slot(((), np.dtype(float), ()))
        self.parts[slot] = found
        return [{"kind": "copy", "slots": [slot, entry.outs[0]], "n": 8}]

    def lower(self, entry):
        """Its instructions, or None."""
        if len(entry.outs) != 1:
            return None
        out = Operand(entry.outs[0], self.forms[entry.outs[0]])
        if not size_of(out.shape):
            return None
        try:
            if entry.kind == "operation" and not entry.kwargs:
                return self.lower_operation(entry, out)
            if entry.kind == "operation_with":
                return self.lower_with(entry, out)
            if entry.kind == "row" and entry.target.ours:
                return self.lower_row(entry, out)
            if entry.kind == "plain" and not entry.kwargs and entry.target in COMPARISONS:
                return self.lower_comparison(entry, out)
        except NoInstruction:
            pass
        return None

    # --- element by element ---

    def lower_operation(self, entry, out):
        """A compiled operation."""
        if entry.target is _products.MatMul:
            return self.lower_product(entry, out)
        if entry.target not in OPERATIONS or out.dtype not in FLOATS:
            return None
        xs = [self.operand(x, out.dtype) for x in entry.args]
        name = OPERATIONS[entry.target]
        if name == "pow":
            name, xs = self.power(entry, out, xs)
        return self.elementwise(name, xs, out)

    def power(self, entry, out, xs):
        """A power as NumPy computes it: it has short cuts."""
        exponent = entry.args[1]
        if type(exponent) is not Opaque or type(exponent.x) not in (int, float):
            raise NoInstruction
        exponent = exponent.x
        if exponent == 2:
            return "square", xs[:1]
        if exponent == 1:
            return "copy", xs[:1]
        if exponent == 0.5:
            return "sqrt", xs[:1]
        if exponent == -1:
            return "div", [self.operand(Opaque(1.0, None), out.dtype), xs[0]]
        if exponent == 0:
            raise NoInstruction
        return "pow", xs

    def elementwise(self, name, xs, out):
        """A loop of NumPy's."""
        if name == "square":
            name, xs = "mul", [xs[0], xs[0]]
        slots = [x.slot for x in (*xs, out)]
        if out.shape == () and out.dtype == np.float64:
            if name in SCALAR_OPS:
                op = SCALAR_OPS[name]
            else:
                op = LOOPS[name] + (UNARY if len(xs) == 1 else BINARY)
            return [{"kind": "scalar", "code": (op, slots[0], slots[-2], slots[-1])}]
        if name == "copy":
            return self.copied(xs[0], out)
        item = out.dtype.itemsize
        double = out.dtype == np.float64
        flat = [x.is_number() or x.lies_like(out) for x in xs]
        if dense_strides(out) is not None and all(flat):
            steps = [0 if x.is_number() else item for x in xs] + [item]
            few = few_of(LOOPS[name], double, slots, size_of(out.shape), steps)
            if few is not None:
                return [few]
            return [{
                "kind": "loop", "loop": LOOPS[name], "double": double, "slots": slots,
                "n": size_of(out.shape), "steps": steps, "advance": steps,
            }]  # fmt: skip
        if name not in EXACT or dense_strides(out) is None:
            raise NoInstruction
        return [self.strided(LOOPS[name], double, [*xs, out])]

    def strided(self, loop, double, xs):
        """A loop for each row of operands that are broadcast, or lie in other ways."""
        shape = xs[-1].shape
        if not shape:
            shape, xs = (1,), [Operand(x.slot, ((1,), x.dtype, (0,))) for x in xs]
        if len(shape) > MOST_AXES + 1:
            raise NoInstruction
        steps = []
        for x in xs:
            lead = len(shape) - len(x.shape)
            own = [0] * lead
            for n, m, step in zip(shape[lead:], x.shape, x.strides, strict=True):
                if m not in (n, 1):
                    raise NoInstruction
                own.append(step if m != 1 else 0)
            steps.append(own)
        axes = [i for i in range(len(shape)) if shape[i] != 1] or [0]
        # The longest run inside: the axis along which the output's numbers follow each other.
        axes.sort(key=lambda i: -abs(steps[-1][i]))
        inner, outer = axes[-1], axes[:-1]
        inside = [own[inner] for own in steps]
        if not outer:
            few = few_of(loop, double, [x.slot for x in xs], shape[inner], inside)
            if few is not None:
                return few
        return {
            "kind": "strided", "loop": loop, "double": double, "slots": [x.slot for x in xs],
            "n": shape[inner], "steps": inside,
            "shape": [shape[i] for i in outer], "outer": [[own[i] for i in outer] for own in steps],
        }  # fmt: skip

    def copied(self, x, out):
        """The same numbers elsewhere."""
        if not x.lies_like(out):
            raise NoInstruction
        if out.shape == () and out.dtype == np.float64:
            op = SCALAR_OPS["copy"]
            return [{"kind": "scalar", "code": (op, x.slot, x.slot, out.slot)}]
        n = size_of(out.shape) * out.dtype.itemsize
        return [{"kind": "copy", "slots": [x.slot, out.slot], "n": n}]

    def lower_comparison(self, entry, out):
        """To a mask."""
        x, y = entry.args
        dtypes = {self.forms[z.i][1] for z in entry.args if type(z) is Ref}
        if len(dtypes) != 1:
            return None
        (dtype,) = dtypes
        if dtype not in FLOATS or out.dtype != np.bool_:
            return None
        xs = [self.operand(x, dtype), self.operand(y, dtype)]
        item = dtype.itemsize
        if not all(z.is_number() or dense_like(z, out) for z in xs) or not is_c_dense(out):
            return None
        return [{
            "kind": "compare", "loop": COMPARISONS[entry.target], "double": dtype == np.float64,
            "slots": [*(z.slot for z in xs), out.slot], "n": size_of(out.shape),
            "steps": [*(0 if z.is_number() else item for z in xs), 1],
        }]  # fmt: skip

    def lower_choice(self, entry, out):
        """np.where."""
        mask, x, y = entry.args
        if type(mask) is not Ref or out.dtype not in FLOATS or not is_c_dense(out):
            return None
        m = Operand(mask.i, self.forms[mask.i])
        xs = [self.operand(x, out.dtype), self.operand(y, out.dtype)]
        if m.dtype != np.bool_ or not all(z.is_number() or dense_like(z, out) for z in (m, *xs)):
            return None
        item = out.dtype.itemsize
        return [{
            "kind": "choose", "double": out.dtype == np.float64,
            "slots": [m.slot, *(z.slot for z in xs), out.slot], "n": size_of(out.shape),
            "steps": [0 if m.is_number() else 1, *(0 if z.is_number() else item for z in xs), item],
        }]  # fmt: skip

    # --- the rest ---

    def lower_row(self, entry, out):
        """A row that has no compiled operation, or was not called through it."""
        row = entry.target
        if entry.kwargs:
            return None
        if row.forward in UFUNCS and len(entry.args) == row.forward.nin and out.dtype in FLOATS:
            xs = [self.operand(x, out.dtype) for x in entry.args]
            return self.elementwise(UFUNCS[row.forward], xs, out)
        if row.name == "where" and len(entry.args) == 3:
            return self.lower_choice(entry, out)
        if row.name == "scatter":
            return self.lower_scatter(entry, out)
        if row.name in ("copy", "astype") and type(entry.args[0]) is Ref:
            x = entry.args[0]
            if all(map(is_constant, entry.args[1:])) and out.dtype in FLOATS:
                return self.copied(self.operand(x, out.dtype), out)
        return None

    def lower_with(self, entry, out):
        """An operation with a parameter: sums and means."""
        if out.dtype not in FLOATS or entry.target not in (_reductions.Sum, _reductions.Mean):
            return None
        x = self.operand(entry.args[0], out.dtype)
        is_mean = entry.target is _reductions.Mean
        double = out.dtype == np.float64
        parameter = entry.args[1]
        if type(parameter) is Opaque and parameter.x is None:
            n = size_of(x.shape)
            if not (is_c_dense(x) or is_f_dense(x)) or out.shape != ():
                return None
            return [{
                "kind": "sum", "double": double, "slots": [x.slot, out.slot], "n": n,
                "first": n if is_mean else 0,
            }]  # fmt: skip
        if is_mean or type(parameter) is not Tree or not is_constant(parameter):
            return None
        axis, dtype, *_ = constant_of(parameter)
        if dtype is not None:
            return None
        if not is_c_dense(x) or not is_c_dense(out):
            return None
        axes = range(len(x.shape)) if axis is None else axis if type(axis) is tuple else (axis,)
        axes = sorted(i % max(len(x.shape), 1) for i in axes)
        if size_of(out.shape) == 1:
            n = size_of(x.shape)
            return [{"kind": "sum", "double": double, "slots": [x.slot, out.slot], "n": n}]
        if axes == [len(x.shape) - 1]:
            return [{
                "kind": "sum_last", "double": double, "slots": [x.slot, out.slot],
                "n": x.shape[-1], "first": size_of(out.shape),
            }]  # fmt: skip
        n = size_of(x.shape[len(axes) :])
        if axes != list(range(len(axes))) or n < 8:
            return None
        item = out.dtype.itemsize
        return [{
            "kind": "sum_rows", "double": double, "slots": [x.slot, out.slot], "n": n,
            "first": size_of(x.shape[: len(axes)]), "steps": [item, item, item],
        }]  # fmt: skip

    def lower_product(self, entry, out):
        """Of matrices and vectors, by the loop of np.matmul."""
        if out.dtype not in FLOATS or not is_c_dense(out):
            return None
        x, y = (self.operand(z, out.dtype) for z in entry.args)
        if not 1 <= len(x.shape) <= 2 or not 1 <= len(y.shape) <= 2:
            return None
        a = (*x.shape, *x.strides) if len(x.shape) == 2 else (1, *x.shape, x.strides[0], *x.strides)
        b = (*y.shape, *y.strides) if len(y.shape) == 2 else (*y.shape, 1, *y.strides, y.strides[0])
        return [{
            "kind": "product", "double": out.dtype == np.float64, "slots": [x.slot, y.slot,
            out.slot], "shape": [0] * 4, "outer": [a, b, [0] * 4],
        }]  # fmt: skip

    def lower_scatter(self, entry, out):
        """Zeros with something added to a part, that no index repeats."""
        x, index, shape = entry.args
        if out.dtype not in FLOATS or not is_constant(index) or not is_constant(shape):
            return None
        index = index.filled(constant_of) if type(index) is Tree else constant_of(index)
        if not is_basic(index) or not is_c_dense(out):
            return None
        g = self.operand(x, out.dtype)
        whole = np.zeros(out.shape, out.dtype)
        part = whole[index]
        if not isinstance(part, np.ndarray):
            part = number_at(whole, index)
        if part.shape != g.shape or not part.size:
            return None
        slot = self.new_slot((part.shape, part.dtype, part.strides))
        self.parts[slot] = out.slot, address(part) - address(whole)
        view = Operand(slot, self.extra[slot])
        double = out.dtype == np.float64
        zero = {"kind": "zero", "slots": [out.slot], "n": whole.nbytes}
        return [zero, self.strided(LOOPS["add"], double, [view, g, view])]
