"""How a compiled operation is declared: its rule, and the class of its nodes."""

from fastgrad._core.function cimport Function
from fastgrad._core.node cimport (
    AddGradient, AddWhole, FastCall, ForArrays, ForNumbers, Forward, Rule,
)


cdef class Operation(Function):
    pass

# Those of the rule, of the inputs that an instance was called with: `Pow(c)` adds `c`.
cdef list operands_of(object f, list inputs)

# Fill in `rule`, that of the compiled class `cls`, see Rule; what is NULL, or NO_LOOP, is left to
# NumPy and the row. The second is for an operation of one operand with a parameter. What
# else a rule may have, its file sets by name. Call these with keywords.
cdef int define(Rule *rule, cls, const char *name, int n_inputs, int uses0, int uses1, int loop,
                ForNumbers numbers, ForArrays arrays, AddGradient gradient) except -1
cdef int define_with_parameter(Rule *rule, cls, const char *name, Forward forward, FastCall call,
                               AddWhole gradient) except -1

# For rows: the rule of a compiled class, and the row that it is a fast path of.
cdef const Rule *rule_of(cls) except NULL
cdef FastCall attach(cls, object forward, tuple vjps, object batched) except? NULL
