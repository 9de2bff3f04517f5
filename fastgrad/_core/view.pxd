"""The graph as a program sees it: `f.inputs` and `f.outputs`, made when asked for."""

from cpython.object cimport PyObject, PyTypeObject

from fastgrad._core.node cimport Handle, Node

cdef tuple inputs_of(Node f)
cdef list outputs_of(Node f)

# The Variable at the end of an edge: the one that lives, or a new one in its place, with `value`,
# the data that an operation saved of it, or what stands for them, or None, of that class.
cdef Handle handle_for(PyObject *to, int slot, object value, PyTypeObject *cls)
# The same for a rule to compute with, which reads the shape and the dtype of a stand-in.
cdef Handle handle_to_read(PyObject *to, int slot, object value, PyTypeObject *cls)

cdef object form_of(Handle x)  # an array of its shape and dtype: its data, if they are there
cdef int note_form(Handle y) except -1  # the program asks for the creator of `y`
cdef int note_name(Handle y) except -1  # `y`, which has a creator, was given a name
cdef int cut_history(Handle y) except -1  # `y.unchain_backward()`
