/* For LD_PRELOAD, by faults.py: a heap that does as it is told at the n-th request for memory.

   All memory is asked for here: with PYTHONMALLOC=malloc that of Python's objects, and always that
   of NumPy's arrays, that of the engine, and its slabs. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Shared with Python, which reads and writes them without asking for memory. */
long fault_first = 0; /* requests number fault_first to fault_last meet a fault, if not 0 */
long fault_last = 0;
long fault_asked = 0; /* requests so far, while fault_first is not 0 */
long fault_met = 0;   /* faults so far */
long fault_signal = 0; /* the fault: 0: there is no memory; else: this signal arrives */
long fault_range = 0; /* whether addresses without memory (PROT_NONE) are refused, always: no slabs */
long fault_numpys = 0; /* whether NumPy asked for what was refused */
long fault_leaks = 0;  /* whether it did, or a function of Python's, that may leak then */
/* Whether to refuse what the interpreter asks for itself, between two functions of NumPy's or the
   engine's: Python 3.11 survives that, but for `leaky` below; others crash in many places. */
long fault_interpreters = 0;
long fault_live = 0;  /* blocks that were given and not taken back */

static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
static int (*real_mprotect)(void *, size_t, int);

__attribute__((constructor)) static void begin(void) {
    void *frame[1];
    backtrace(frame, 1); /* the first time, it asks for memory */
    fault_range = getenv("FAULT_NO_RANGE") != NULL;
}

static char early[1 << 16]; /* for dlsym, which asks for memory before it has found any */
static size_t n_early;

static void find(void) {
    real_calloc = dlsym(RTLD_NEXT, "calloc");
    real_malloc = dlsym(RTLD_NEXT, "malloc");
    real_realloc = dlsym(RTLD_NEXT, "realloc");
    real_free = dlsym(RTLD_NEXT, "free");
    real_mmap = dlsym(RTLD_NEXT, "mmap");
    real_mprotect = dlsym(RTLD_NEXT, "mprotect");
}

static void *from_early(size_t size) {
    void *p = early + n_early;
    n_early += (size + 15) & ~(size_t)15;
    return n_early <= sizeof(early) ? p : NULL;
}

static int is_early(void *p) { return (char *)p >= early && (char *)p < early + sizeof(early); }

/* These are known to lose a reference if they get no memory (Python 3.11), as are some in NumPy.
   Others' static functions cannot be told apart: list.extend is one in 3.12, where `[].extend(t)`
   loses one to `t` too. */
static const char *const leaky[] = {"_PyEval_EvalFrameDefault", "PySequence_List",
                                    "_PyList_Extend", "PyContextVar_Set", NULL};

/* The items of a dict, if there is no memory for their first pair: dictiter_new of Python 3.11 frees an
   iterator that is not tracked yet, and crashes. (It is static; what it calls, and who calls it, are
   not.) */
static int is_of_items(const char *name, const char *inner) {
    return strcmp(name, "PyObject_GetIter") == 0 && strcmp(inner, "PyTuple_Pack") == 0;
}

static int is_among(const char *name, const char *const *names) {
    while (*names && strcmp(*names, name) != 0) names++;
    return *names != NULL;
}

/* Who asked: from the refusal outwards, the first that is NumPy's or the engine's. False: one that
   must not be refused. (For a debugger to stop at, too.) */
__attribute__((noinline)) int fault_here(void) {
    void *frames[64];
    const char *inner = "";
    Dl_info place;
    int i, n = backtrace(frames, 64);
    for (i = 0; i < n; i++) {
        if (!dladdr(frames[i], &place) || !place.dli_fname) continue;
        if (strstr(place.dli_fname, "/numpy/")) fault_numpys = fault_leaks = 1;
        if (strstr(place.dli_fname, "/numpy/") || strstr(place.dli_fname, "/fastgrad/")) return 1;
        if (!place.dli_sname) {
            if (strstr(place.dli_fname, "python")) fault_leaks |= !fault_interpreters;
            continue;
        }
        if (is_of_items(place.dli_sname, inner)) return 0;
        inner = place.dli_sname;
        if (is_among(place.dli_sname, leaky)) fault_leaks = 1;
        if (strcmp(place.dli_sname, "_PyEval_EvalFrameDefault") == 0)
            return fault_signal || fault_interpreters;
    }
    return 1;
}

static int refused(void) {
    if (!fault_first || ++fault_asked < fault_first || fault_asked > fault_last) return 0;
    fault_met++;
    if (!fault_here()) return 0;
    if (fault_signal) {
        raise((int)fault_signal);
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

static void *given(void *p) {
    if (p) fault_live++;
    return p;
}

void *malloc(size_t size) {
    if (!real_malloc) find();
    return refused() ? NULL : given(real_malloc(size));
}

void *calloc(size_t n, size_t size) {
    static int finding;
    if (!real_calloc) {
        if (finding) return from_early(n * size);
        finding = 1;
        find();
        finding = 0;
    }
    return refused() ? NULL : given(real_calloc(n, size));
}

void *realloc(void *p, size_t size) {
    if (!real_realloc) find();
    if (refused()) return NULL;
    return p ? real_realloc(p, size) : given(real_realloc(p, size));
}

void free(void *p) {
    if (!p || is_early(p)) return;
    fault_live--;
    real_free(p);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    if (!real_mmap) find();
    if ((protection == PROT_NONE && fault_range) || refused()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return real_mmap(address, size, protection, flags, file, offset);
}

int mprotect(void *address, size_t size, int protection) {
    if (!real_mprotect) find();
    return refused() ? -1 : real_mprotect(address, size, protection);
}

void *mmap64(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    return mmap(address, size, protection, flags, file, offset);
}
