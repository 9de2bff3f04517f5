"""How a compiled operation is declared: its rule, and the class of its nodes."""

from fastgrad._core.function cimport Function
from fastgrad._core.node cimport (
    AddGradient, AddWhole, FastCall, ForArrays, ForNumbers, Forward, Node, Rule,
)


cdef class Operation(Function):
    pass

# Those of the rule, of the inputs that an instance was called with: `Pow(c)` adds `c`. TypeError
# if they are not as many as they must be.
cdef list operands_of(Node f, list inputs)

# Fill in `rule`, for the compiled class `cls`: see Rule in node.pxd. NumPy and the row do what is
# NULL, or NO_LOOP. The second is for an operation of one operand and a parameter. Call them with
# keywords; the few other members of a rule are set by name, in its file.
cdef int define(Rule *rule, cls, const char *name, int n_inputs, int uses0, int uses1, int loop,
                ForNumbers numbers, ForArrays arrays, AddGradient gradient) except -1
cdef int define_with_parameter(Rule *rule, cls, const char *name, Forward forward, FastCall call,
                               AddWhole gradient) except -1

# For rows: the rule of a compiled class, and the row that it is a fast path of.
cdef const Rule *rule_of(cls) except NULL
cdef FastCall attach(cls, object forward, tuple vjps, object batched) except? NULL
