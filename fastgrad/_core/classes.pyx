"""See classes.pxd.

A class says it with a keyword, `class Box(Variable, results=True)`, and `__results__`, an attribute
of the class, keeps it: so subclasses inherit it, and other classes in the process see nothing of
it. Of several operands the first that has such a class decides, by its place in the call; a plain
Variable has none.
"""

from cpython.object cimport PyObject

from fastgrad._core.graph cimport variable
from fastgrad._core.handles cimport adopt_results

cdef extern from "Python.h":
    bint PyType_Check(PyObject *x) noexcept
    bint PyType_IsSubtype(PyTypeObject *type, PyTypeObject *base) noexcept
    # Borrowed, or NULL: by the cache that every attribute look-up begins with.
    PyObject *type_attribute "_PyType_Lookup"(PyTypeObject *type, object name) noexcept

any_subclass = False
cdef str RESULTS = "__results__"


def declare(cls, results):
    """Of a new subclass of Variable: let what is computed from its instances be of it.

    If `results` is true; of Variable, if it is false; as of its base, if it is None.
    """
    global any_subclass
    any_subclass = True
    own = vars(cls)
    if results is None and RESULTS in own:  # a copy of a class, as `dataclass` makes it for slots
        results = own[RESULTS] is not <object>variable_type
    if results is not None:
        setattr(cls, RESULTS, cls if results else <object>variable_type)
        if results:
            adopt_results(<PyTypeObject *>cls)


cdef PyTypeObject *declared_for(PyTypeObject *type) noexcept:
    cdef PyObject *found = type_attribute(type, RESULTS)
    if found == NULL or found == <PyObject *>variable_type or not PyType_Check(found):
        return NULL
    if not PyType_IsSubtype(<PyTypeObject *>found, variable_type):
        return NULL  # whatever the program wrote there
    return <PyTypeObject *>found


cdef PyTypeObject *class_from_either(object x0, object x1) noexcept:
    cdef PyTypeObject *found = class_from(x0)
    return class_from(x1) if found == NULL else found


cdef PyTypeObject *first_class(object xs) except? NULL:
    cdef PyTypeObject *found
    for x in xs:
        found = class_from(x)
        if found != NULL:
            return found
    return NULL


def variable_like(x, data, bint requires_grad):
    """A new Variable, of the class of the results of `x`, which may be anything."""
    return variable(data, requires_grad, class_from(x))
