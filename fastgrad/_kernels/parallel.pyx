# cython: binding=False
"""Large loops, split over threads that help while they can.

Nobody needs this module for a result: it gives `_kernels/loops` a function, if there may be more
threads than one.
"""

import os
import warnings
from operator import index

from fastgrad._kernels.loops cimport Part, split_by

# NOTE [Helpers]
# The thread that has a loop to do takes part after part of it, and helpers, which are native
# threads without Python, take others. Whoever has a loop never waits for a helper to begin, only
# for one to finish the part it has taken: on a busy machine, where helpers get no processor, the
# loop takes no longer than without them. (A team of OpenMP, where each member has to arrive, took
# 11 ms for what takes 0.03 alone.) After a loop helpers look out for the next for some 50 us, then
# sleep. There is one loop at a time; a second thread that has one does it alone.
#
# `open` is how many helpers a loop is for, 0 when there is none. A helper may look at `loop`
# between `n_inside += 1`, if it still is one of them then, and `n_inside -= 1`; who ends the loop
# sets `open` to 0, and then waits until nobody is inside.

cdef extern from *:
    """
    typedef int (*fg_part)(void *context, Py_ssize_t start, Py_ssize_t n);

    #define FG_MOST_HELPERS 15

    #if defined(__GNUC__)
    #define FG_HAS_HELPERS 1

    #if defined(__x86_64__) || defined(__i386__)
    #define fg_pause() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define fg_pause() __asm__ volatile("yield")
    #else
    #define fg_pause() ((void)0)
    #endif
    #include <sched.h>

    /* How a thread computes: rounding, numbers below the normal ones, what traps. It is a thread's
       own affair, so each helper takes on the mode of the thread whose loop it is. (glibc's
       fesetenv, for the processors not named, takes some 100 ns, the instructions 10.) */
    #if defined(__SSE2__)
    #include <xmmintrin.h>
    typedef struct { unsigned int sse; unsigned short x87; } fg_mode;
    static inline void fg_get_mode(fg_mode *mode) {
        mode->sse = _mm_getcsr() & ~0x3Fu;  /* without the flags of errors */
        __asm__ volatile("fnstcw %0" : "=m"(mode->x87));
    }
    static inline void fg_take_on(const fg_mode *mode) {
        _mm_setcsr(mode->sse);
        __asm__ volatile("fldcw %0" : : "m"(mode->x87));
    }
    #elif defined(__aarch64__)
    typedef struct { unsigned long fpcr; } fg_mode;
    static inline void fg_get_mode(fg_mode *mode) {
        __asm__ volatile("mrs %0, fpcr" : "=r"(mode->fpcr));
    }
    static inline void fg_take_on(const fg_mode *mode) {
        __asm__ volatile("msr fpcr, %0" : : "r"(mode->fpcr));
    }
    #else
    #include <fenv.h>
    typedef fenv_t fg_mode;
    #define fg_get_mode(mode) ((void)fegetenv(mode))
    #define fg_take_on(mode) ((void)fesetenv(mode))
    #endif

    #define fg_load(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
    #define fg_store(p, value) __atomic_store_n(p, value, __ATOMIC_SEQ_CST)
    #define fg_add(p, value) __atomic_fetch_add(p, value, __ATOMIC_SEQ_CST)
    #define fg_swap(p, value) __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST)

    static struct {
        fg_part part; void *context; Py_ssize_t n, grain; fg_mode mode;
    } fg_loop;
    static Py_ssize_t fg_next;  /* where the next part begins */
    static int fg_open, fg_n_inside, fg_up;
    static int fg_taken;  /* whether somebody has a loop; read and written with the GIL held */
    static int fg_n_helpers;
    static struct { PyThread_type_lock bell; int sleeps; } fg_helpers[FG_MOST_HELPERS];

    static void fg_take_parts(void) {
        int up = 0;
        for (;;) {
            Py_ssize_t start = fg_add(&fg_next, fg_loop.grain), left = fg_loop.n - start;
            if (left <= 0) break;
            up |= fg_loop.part(fg_loop.context, start, left < fg_loop.grain ? left : fg_loop.grain);
        }
        if (up) __atomic_fetch_or(&fg_up, up, __ATOMIC_SEQ_CST);
    }

    static void fg_help(void *helper) {
        int i = (int)(Py_ssize_t)helper, looked = 0;
        for (;;) {
            if (fg_load(&fg_open) > i) {
                looked = 0;
                fg_add(&fg_n_inside, 1);
                if (fg_load(&fg_open) > i) {
                    fg_take_on(&fg_loop.mode);
                    fg_take_parts();
                }
                fg_add(&fg_n_inside, -1);
                while (fg_load(&fg_open) > i) fg_pause();  /* its last parts are being done */
            } else if (++looked < 1000) {
                fg_pause();
            } else {
                fg_store(&fg_helpers[i].sleeps, 1);
                if (fg_load(&fg_open) <= i || !fg_swap(&fg_helpers[i].sleeps, 0))
                    PyThread_acquire_lock(fg_helpers[i].bell, WAIT_LOCK);  /* until it rings */
                fg_store(&fg_helpers[i].sleeps, 0);
                looked = 0;
            }
        }
    }

    static void fg_hire(int n) {  /* with the GIL held */
        while (fg_n_helpers < n && fg_n_helpers < FG_MOST_HELPERS) {
            PyThread_type_lock bell = PyThread_allocate_lock();
            if (bell == NULL) return;
            PyThread_acquire_lock(bell, WAIT_LOCK);
            fg_helpers[fg_n_helpers].bell = bell;
            fg_helpers[fg_n_helpers].sleeps = 0;
            if (PyThread_start_new_thread(fg_help, (void *)(Py_ssize_t)fg_n_helpers)
                    == PYTHREAD_INVALID_THREAD_ID) {
                PyThread_release_lock(bell);
                PyThread_free_lock(bell);
                return;
            }
            fg_n_helpers++;
        }
    }

    static int fg_in_parallel(fg_part part, void *context, Py_ssize_t n, Py_ssize_t grain,
                              int n_threads) {
        int i, spins = 0, n_helpers = n_threads - 1;
        if (fg_taken) return part(context, 0, n);
        fg_hire(n_helpers);
        if (n_helpers > fg_n_helpers) n_helpers = fg_n_helpers;
        fg_taken = 1;
        Py_BEGIN_ALLOW_THREADS
        fg_loop.part = part, fg_loop.context = context, fg_loop.n = n, fg_loop.grain = grain;
        fg_get_mode(&fg_loop.mode);
        fg_up = 0;
        fg_store(&fg_next, 0);
        fg_store(&fg_open, n_helpers);
        for (i = 0; i < n_helpers; i++)
            if (fg_swap(&fg_helpers[i].sleeps, 0)) PyThread_release_lock(fg_helpers[i].bell);
        fg_take_parts();
        fg_store(&fg_open, 0);
        while (fg_load(&fg_n_inside))
            if (++spins < 1000) fg_pause(); else sched_yield();
        Py_END_ALLOW_THREADS
        fg_taken = 0;
        return fg_up;
    }

    static void fg_forget_helpers(void) {  /* in the child of a fork, which has none */
        fg_n_helpers = fg_taken = fg_open = fg_n_inside = 0;
    }

    #else
    #define FG_HAS_HELPERS 0
    static int fg_in_parallel(fg_part part, void *context, Py_ssize_t n, Py_ssize_t grain,
                              int n_threads) { return part(context, 0, n); }
    static void fg_forget_helpers(void) {}
    #endif
    """
    enum: HAS_HELPERS "FG_HAS_HELPERS"
    enum: MOST_HELPERS "FG_MOST_HELPERS"
    int share_out "fg_in_parallel"(Part part, void *context, Py_ssize_t n, Py_ssize_t grain,
                                   int n_threads) noexcept
    void forget_helpers "fg_forget_helpers"() noexcept

cdef int n_threads = 1  # that a loop may use


cdef int in_parallel(Part part, void *context, Py_ssize_t n, Py_ssize_t grain) noexcept:
    return share_out(part, context, n, grain, n_threads)


def get_num_threads():
    """How many threads a loop over a large array may use.

    >>> from fastgrad import get_num_threads
    >>> get_num_threads() >= 1
    True
    """
    return n_threads


def set_num_threads(n):
    """Let loops over large arrays use `n` threads, 16 at most; 1 switches that off.

    For the whole process. At first it is what the environment variables `FASTGRAD_THREADS` or
    `OMP_NUM_THREADS` say, or else the number of processors. Values do not depend on it, bit for
    bit. (Where the compiler has no atomic operations that fastgrad knows, it stays 1.) ValueError
    for less than 1.

    >>> from fastgrad import get_num_threads, set_num_threads
    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    global n_threads
    n = index(n)
    if n < 1:
        raise ValueError(f"set_num_threads: {n} threads, expected 1 or more")
    n_threads = min(n, MOST_HELPERS + 1) if HAS_HELPERS else 1
    if n_threads > 1:
        split_by(in_parallel)
    else:
        split_by(NULL)


def at_first():
    """The number of threads at import, which is no place for an exception."""
    for name in ("FASTGRAD_THREADS", "OMP_NUM_THREADS"):
        given = os.environ.get(name)
        if given:
            try:
                return max(1, int(given))
            except ValueError:
                if name == "FASTGRAD_THREADS":
                    warnings.warn(f"{name} is {given!r}, no number of threads: 1 it is",
                                  stacklevel=2)
                return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


set_num_threads(at_first())


def after_fork():
    """The child has no helpers; it gets some when it has a loop for them."""
    forget_helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
