"""See classes.pxd.

A class says it with keywords, `class Box(Variable, results=True, keep=True)`, and two attributes of
the class keep it: so subclasses inherit it, and other classes in the process see nothing of it. Of
several operands the first that has a class for results decides, by its place in the call; a plain
Variable has none.
"""

from fastgrad._core.config cimport keep_variables, touch
from fastgrad._core.handles cimport adopt_results

cdef extern from "Python.h":
    bint PyType_Check(PyObject *x) noexcept
    bint PyType_IsSubtype(PyTypeObject *type, PyTypeObject *base) noexcept
    # Borrowed, or NULL: by the cache that every attribute look-up begins with.
    PyObject *type_attribute "_PyType_Lookup"(PyTypeObject *type, object name) noexcept

any_subclass = False
cdef str RESULTS = "__results__", KEEPS = "__keeps__"


def declare(cls, results, keep):
    """Of a new subclass of Variable: note what it asks for; where that is None, its base did.

    `results`: what is computed from its instances is of it; or of Variable, if that is false.
    `keep`: what consumes its instances keeps them alive.
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
    if keep is not None:
        touch(keep_variables)  # from now on everybody looks whether Variables are kept
        setattr(cls, KEEPS, bool(keep))


cdef bint keeps(Handle x) noexcept:
    cdef PyTypeObject *type = Py_TYPE(<PyObject *>x)
    cdef PyObject *kept = NULL if type == variable_type else type_attribute(type, KEEPS)
    return kept != NULL and <object>kept is True


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
