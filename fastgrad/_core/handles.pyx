"""See handles.pxd."""

cimport cython
from cpython.object cimport PyObject, destructor, inquiry, traverseproc, visitproc
from libc.stdint cimport uint64_t

from fastgrad._core.accumulate cimport ARRAY, forget
from fastgrad._core.node cimport (
    ENDED, Handle, Node, REQUIRES_GRAD, empty_spare_nodes, header, index_of,
)
from fastgrad._core.objects cimport (
    LongTypeObject, PyObject_CallFinalizerFromDealloc, PyObject_GC_UnTrack, Py_DECREF, Py_INCREF,
    Py_TYPE, Spares, adopt, attributes, clear, clear_array, clear_weak_references, empty_list,
    free_object, in_flight, is_heap_type, new_object, size_of, visit_all,
)
from fastgrad._kernels.loops cimport import_numpy, only_numbers

import_numpy()

# NOTE [Origins]
# A Variable that a differentiated function did not get as an argument, nor make itself, it
# captured: then somebody outside may differentiate for that one. So a leaf tells where it was made:
# by its number, which is negative, the outermost function that was being differentiated then in its
# thread; 0: in none. (In `slot`, which no leaf needs for anything else.)

cdef extern from *:
    """
    #ifdef _MSC_VER
    static __declspec(thread) int fg_origin = 0;
    #elif defined(__GLIBC__) /* two instructions; the rule for libraries takes a call */
    static __thread int fg_origin __attribute__((tls_model("initial-exec"))) = 0;
    #else
    static __thread int fg_origin = 0;
    #endif
    """
    int origin "fg_origin"

cdef int last_origin = -1


cdef int origin_here() noexcept:
    return origin


def enter_origin():
    """What this thread makes from now on comes from another function: its number, and that before.

    `leave_origin`, with the number before, ends it.
    """
    global origin, last_origin
    before = origin
    last_origin = last_origin - 1 if last_origin > -(1 << 30) else -2
    origin = last_origin
    return origin, before


def leave_origin(int before):
    """Go back to the function of the number `before`."""
    global origin
    origin = before


def is_from(Handle x not None, int number):
    """Whether the leaf `x` was made in the function of that number."""
    return x.slot == number


def end_arguments(list xs, bint alone, bint constants=True):
    """The function of the arguments `xs` is over. `constants`: the leaves among them are, now.

    `alone`: no derivative that was handed out leads to them, so what does was kept by mistake.
    """
    end_all(xs, alone, constants)


cdef void end_all(list xs, bint alone, bint constants) noexcept:
    cdef object x
    for x in xs:
        if (<Handle>x).creator == NULL:
            if constants:
                (<Handle>x).flags &= ~REQUIRES_GRAD
            if alone:
                (<Handle>x).flags |= ENDED


@cython.no_gc_clear  # which would take the list from it before its end
cdef class ArgumentsBase:
    """What `Arguments` is made of: its end, which needs no memory, is that of the arguments."""

    cdef public list xs
    cdef public int origin  # see NOTE [Origins]
    cdef public bint nested  # whether derivatives are Variables
    cdef public bint exposed  # whether one was handed out that leads to the arguments

    def __dealloc__(self):
        if self.xs is not None:
            end_all(self.xs, not (self.nested or self.exposed), True)


cdef Spares spare_handles


cdef Handle new_handle():
    cdef Handle x = take_handle(new_object(variable_type, &spare_handles))
    x.slot = origin
    return x


cdef Handle new_handle_of(PyTypeObject *type):
    cdef Handle x
    if type == NULL:
        return new_handle()
    if size_of(type) == size_of(variable_type):  # then a spare one will do, whatever it was
        x = take_handle(new_object(type, &spare_handles))
    else:  # with __slots__: tracked, as they may refer to anything
        x = take_handle((<LongTypeObject *>type).tp_alloc(type, 0))
    x.slot = origin
    return x


cdef extern from *:
    """
    #define fg_take_reference(x) (x)
    """
    Handle take_handle "(PyObject *)fg_take_reference"(PyObject *owned)


cdef inline void leave_slot(PyObject *x) noexcept:
    """First thing at the end of `x`: the Python code that may run then must not find it."""
    cdef PyObject *f = (<Handle>x).creator
    cdef int slot
    if f != NULL:
        slot = index_of(<Node>f, (<Handle>x).slot)
        if 0 <= slot < (<Node>f).n_slots and (<Node>f).slots[slot].handle == x:
            (<Node>f).slots[slot].handle = NULL


cdef int clear_handle(PyObject *x) noexcept:
    leave_slot(x)
    clear(&(<Handle>x).creator)
    clear_array(&(<Handle>x).array)
    clear_array(&(<Handle>x).grad)
    clear(&(<Handle>x).name)
    clear(attributes(x))
    clear_array(&(<Handle>x).was)
    forget(&(<Handle>x).flight)
    return 0


cdef void free_compiled_handle(PyObject *x) noexcept:
    """tp_dealloc of the compiled classes. A Python subclass has its own, which ends here."""
    if is_heap_type(Py_TYPE(x)):
        Py_INCREF(<PyObject *>Py_TYPE(x))  # the caller lets go of it, we need it until the end
    end_handle(x)


cdef void free_variable(PyObject *x) noexcept:
    """tp_dealloc of the public class Variable, a Python class. Its subclasses' end here too."""
    cdef PyTypeObject *type = Py_TYPE(x)
    if (<LongTypeObject *>type).tp_finalize != NULL and is_adopted(type):
        if PyObject_CallFinalizerFromDealloc(x) < 0:
            return  # it lives on
    end_handle(x)


cdef inline bint is_adopted(PyTypeObject *type) noexcept:
    """Whether it is Variable, or a class of results: the end of an instance is ours alone."""
    return (<LongTypeObject *>type).tp_dealloc == <destructor>free_variable


cdef inline void end_handle(PyObject *x) noexcept:
    PyObject_GC_UnTrack(x)
    leave_slot(x)
    clear_weak_references(x)
    if leads_on(x):
        release_in_turn(x)
    else:
        release_handle(x)


cdef inline void release_handle(PyObject *x) noexcept:
    cdef PyTypeObject *type = Py_TYPE(x)
    clear_handle(x)
    free_object(x, &spare_handles,
                is_adopted(type) and (<LongTypeObject *>type).tp_finalize == NULL)
    if is_heap_type(type):
        Py_DECREF(<PyObject *>type)  # which an instance of a Python class owns


# NOTE [Chains of handles]
# Whatever a handle owns besides its creator and numbers may own another handle: an attribute, a
# name, an array of objects, a Variable in `.grad`. The way from one to the next is through the
# dealloc of others' objects, of which NumPy's know no end: a chain of 10^5 would need as many
# frames. So a handle that dies within the end of others, MOST_NESTED deep, waits in a list, for
# the innermost of these to release in its turn. (Not at once, as a node does, see NOTE [Release]:
# what a finalizer drops should be gone when it goes on.) test_chains.py has the kinds of chain.

cdef enum:
    MOST_NESTED = 8  # some frames each, in a stack of 64 KB

cdef PyObject *waiting = NULL  # linked through `run`, which the dead need no more
cdef int n_releasing = 0


cdef inline bint leads_on(PyObject *x) noexcept:
    """Whether it owns more than its creator and numbers."""
    return ((<Handle>x).name != NULL or attributes(x)[0] != NULL
            or (<Handle>x).flight.state == ARRAY or not only_numbers((<Handle>x).array)
            or not only_numbers((<Handle>x).grad) or not only_numbers((<Handle>x).was))


cdef void release_in_turn(PyObject *x) noexcept:
    global waiting, n_releasing
    (<Handle>x).run = <uint64_t>waiting
    waiting = x
    if n_releasing >= MOST_NESTED:
        return
    n_releasing += 1
    while waiting != NULL:
        x = waiting
        waiting = <PyObject *>(<Handle>x).run
        release_handle(x)
    n_releasing -= 1


cdef int traverse_handle(PyObject *x, visitproc visit, void *arg) noexcept:
    cdef PyObject *fields[7]
    fields[0], fields[1], fields[2] = (<Handle>x).array, (<Handle>x).grad, (<Handle>x).name
    fields[3], fields[4] = (<Handle>x).creator, attributes(x)[0]
    fields[5], fields[6] = in_flight(&(<Handle>x).flight), (<Handle>x).was
    return visit_all(fields, 7, visit, arg)


# --- the types ---


cdef void adopt_handles(PyTypeObject *type) noexcept:
    adopt(type, <destructor>free_compiled_handle, <traverseproc>traverse_handle,
          <inquiry>clear_handle)


cdef void adopt_variable(PyTypeObject *type) noexcept:
    # Python made its tp_traverse and tp_clear: they also visit the type, and call those above.
    global variable_type
    variable_type = type
    (<LongTypeObject *>type).tp_dealloc = <destructor>free_variable
    (<LongTypeObject *>type).tp_alloc = alloc_variable  # that of subclasses is Python's


cdef void adopt_results(PyTypeObject *type) noexcept:
    if size_of(type) == size_of(variable_type):
        (<LongTypeObject *>type).tp_dealloc = <destructor>free_variable
        (<LongTypeObject *>type).tp_alloc = alloc_variable


cdef PyObject *alloc_variable(PyTypeObject *type, Py_ssize_t n_items) except NULL:
    """tp_alloc of Variable, for those that the program makes: a spare one, as `new_handle` has."""
    return new_object(type, &spare_handles)


adopt_handles(<PyTypeObject *>Handle)


def empty_nodes():
    """Free the memory that is kept for handles and nodes: the bytes that were."""
    cdef PyTypeObject *type = <PyTypeObject *>Handle
    return empty_list(&spare_handles, type) * (size_of(type) + header) + empty_spare_nodes()
