"""What a program passes to a function: Variables in lists, `out`, names; and what is kept."""

from cpython.object cimport PyTypeObject

cdef bint any_variable(object xs) except -1  # whether one is, or is a list or tuple that holds one
cpdef object operand_of(object x)  # a Variable, or else the array that NumPy reads
cpdef list parameter_names(object function)

# Whether `x` has `__array_ufunc__`, as arrays with units do: it is asked, it may know Variables.
# TypeError for a Series or DataFrame of pandas, which would read nothing but their values.
cdef bint is_foreign(object x) except -1

# Of a call with `out`, into which NumPy writes: the arguments, and the results, with copies in
# place of the arrays that share its memory.
cdef tuple apart_from(str name, tuple args, dict kwargs, object out)
cdef object results_apart(object ys, object out)
cdef bint has_complex(object out) except -1  # whether there is a complex array among `out`

# The array of operand `i`, or what NumPy takes; TypeError if no rule is for it.
cdef object value_of_operand(str name, bint is_ufunc, int i, object x)
cdef list outputs_of(object ys, bint requires_grad, PyTypeObject *cls)  # Variables, see `variable`
cdef bint any_requires(list ys) noexcept  # whether one of these Variables requires a gradient
cdef int n_of_integers(list outputs) noexcept  # how many are arrays of integers or booleans

cdef object without_lists(object x)  # copies of the lists in it, which the program may change
# What to save of `x`: the `whole`, or a stand-in of its shape and dtype.
cdef object to_save(object x, bint whole)
# Whether it may refer to something that refers back: see NOTE [Garbage collector].
cdef bint may_refer(object x) except -1
