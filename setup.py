"""Builds the extension modules, a .pyx each; everything else is in pyproject.toml.

Four switches by environment, for development:

FASTGRAD_DEBUG=1      None checks, assertions, `-O0 -g` with the lines of the .pyx
FASTGRAD_TRACE=1      line tracing, for `coverage`
FASTGRAD_SANITIZE=1   AddressSanitizer and UndefinedBehaviorSanitizer; =valgrind: what that needs
FASTGRAD_ANNOTATE=1   beside each .pyx an .html that shows which of its lines call Python
"""

import os
import sys
from pathlib import Path

import Cython
import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


def switch(name):
    """Whether the environment sets it to anything but nothing and 0."""
    return os.environ.get(name, "0") not in ("", "0")


DEBUG = switch("FASTGRAD_DEBUG")
TRACE = switch("FASTGRAD_TRACE")
ANNOTATE = switch("FASTGRAD_ANNOTATE")
SANITIZE = switch("FASTGRAD_SANITIZE")
VALGRIND = os.environ.get("FASTGRAD_SANITIZE") == "valgrind"

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,  # concerns lists and tuples only, here
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "embedsignature": True,
    "embedsignature.format": "clinic",  # which `inspect.signature` reads
    "autotestdict": False,  # doctest finds the docstrings by itself
    "auto_pickle": False,  # what can be pickled says so in its own code
    "linetrace": TRACE,
}

MACROS = {
    # What is built with any NumPy 2 runs with every NumPy 2.
    "NPY_TARGET_VERSION": "NPY_2_0_API_VERSION",
    "NPY_NO_DEPRECATED_API": "NPY_2_0_API_VERSION",
}
if not DEBUG:
    MACROS["CYTHON_WITHOUT_ASSERTIONS"] = "1"
if SANITIZE:
    MACROS["FG_EVERY_BLOCK_FROM_MALLOC"] = "1"  # what is kept for reuse, no tool watches
if TRACE:
    MACROS["CYTHON_TRACE_NOGIL"] = "1"

# A fused multiply-add rounds once where NumPy rounds twice: gradients would not be NumPy's bits.
# `-g0`: Python's own flags may ask for lines of code for a debugger, five sixths of a wheel.
# A .pxd gives each module all of its small functions, of which each uses a few: clang would warn.
QUIET = "-Wno-unused-function"
RELEASE_FLAGS = {
    "msvc": ["/O2"],
    "unix": ["-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", QUIET],
}
# A wheel holds neither symbols nor what the compiler unrolls in modules that run seldom. (In those
# that run often, if mostly in Python's own functions, -Os made `no_grad` a fifth slower, too.)
STRIP = ["-Wl,--strip-all"] if sys.platform == "linux" else []
SELDOM = "_core.debug _core.hooks _core.view _core.watch replay._calls replay._names".split()
DEBUG_FLAGS = {"msvc": ["/Od", "/Zi"], "unix": ["-O0", "-g", "-ffp-contract=off", "-UNDEBUG"]}
SANITIZERS = [] if VALGRIND else ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
SANITIZE_FLAGS = ["-O1", "-g", "-fno-omit-frame-pointer", "-ffp-contract=off", *SANITIZERS]

# Where a compiler does not see that a `cdef inline` is worth it: a node takes 38 ns, not 47.
INLINED = tuple(f"fastgrad._core.{name}" for name in ("accumulate", "engine", "run"))
ALWAYS_INLINE = "inline __attribute__((always_inline))"

# Cython makes anew the C of a module whose .pyx, or any .pxd that it cimports, however far off, is
# newer; the compiler, what is older than its C. So touching a .pyx rebuilds one module. This file
# makes what was built in another way count as old too: it is newer than all of that.
CONFIGURATION = Path("build", "configuration.txt")

# What Cython gets wrong when there is no memory, or no exception, and how it should be: as of 3.3,
# each text is somewhere in what that generates. (pyproject.toml asks for nothing newer: whoever
# raises that looks first whether each is needed still, and how it reads there.)
MENDS_MADE_FOR = (3, 3)
MENDS = {
    # A comprehension that cannot grow its list releases the element twice.
    """
    int result = PyList_Append(list, x);
    Py_DECREF(x);
""": """
    int result = PyList_Append(list, x);
    if (likely(result == 0)) Py_DECREF(x);
""",
    # `finally` and `except` crash if a function of NumPy's fails and forgets to say why.
    """
    if (local_tb) {
        if (unlikely(PyException_SetTraceback(local_value, local_tb) < 0))
""": """
    if (local_tb && local_value) {
        if (unlikely(PyException_SetTraceback(local_value, local_tb) < 0))
""",
    # So does a traceback of it, from Python 3.12 on.
    """
    PyTraceBack_Here(py_frame);
""": """
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_SystemError, "a function failed without setting an exception");
    PyTraceBack_Here(py_frame);
""",
}


def mend(sources):
    """Mend what Cython made, once; RuntimeError if it holds nothing that one of MENDS mends."""
    missing = set(MENDS)
    for source in sources:
        text = mended = source.read_text(encoding="utf-8")
        for wrong, right in MENDS.items():
            # What was mended before, and not made anew since, may read like what is wrong.
            mended = mended.replace(right, wrong).replace(wrong, right)
            if right in mended:
                missing.discard(wrong)
        if mended != text:
            source.write_text(mended, encoding="utf-8")
    if missing and tuple(map(int, Cython.__version__.split(".")[:2])) >= MENDS_MADE_FOR:
        raise RuntimeError(
            f"setup.py: Cython {Cython.__version__} generates nothing that reads like these texts, "
            "which MENDS mends: see whether it needs no mending any more, or says it otherwise:\n"
            + "\n".join(sorted(missing))
        )


class BuildExt(build_ext):
    """Cythonizes all modules, then compiles them side by side."""

    def build_extensions(self):
        """Build each module whose sources, or whose configuration, changed."""
        flags = DEBUG_FLAGS if DEBUG else RELEASE_FLAGS
        flags = flags["msvc" if self.compiler.compiler_type == "msvc" else "unix"]
        if SANITIZE:
            flags = SANITIZE_FLAGS
        versions = f"Cython {Cython.__version__}, NumPy {np.__version__}"
        configuration = f"{versions}\n{DIRECTIVES}\n{MACROS}\n{flags}\n{SELDOM}\n{MENDS}\n"
        changed = not CONFIGURATION.exists() or CONFIGURATION.read_text() != configuration

        cythonized = cythonize(
            self.extensions,
            compiler_directives=DIRECTIVES,
            annotate=ANNOTATE,
            emit_linenums=DEBUG,
            force=changed or ANNOTATE or self.force,
        )
        if changed:
            CONFIGURATION.parent.mkdir(exist_ok=True)
            CONFIGURATION.write_text(configuration)
        mend([Path(source) for made in cythonized for source in made.sources])
        for extension, made in zip(self.extensions, cythonized, strict=True):
            extension.sources = made.sources
            extension.depends = [*made.depends, str(CONFIGURATION)]
            extension.extra_compile_args = flags
            if flags is RELEASE_FLAGS["unix"] and extension.name.partition(".")[2] in SELDOM:
                extension.extra_compile_args = [*flags, "-Os"]
            if flags is RELEASE_FLAGS["unix"] and extension.name in INLINED:
                extension.define_macros.append(("CYTHON_INLINE", ALWAYS_INLINE))
            extension.extra_link_args = SANITIZERS if SANITIZE else [] if DEBUG else STRIP

        self.parallel = self.parallel or os.cpu_count()
        super().build_extensions()


setup(
    ext_modules=[
        Extension(
            ".".join(path.with_suffix("").parts),
            sources=[path.as_posix()],
            include_dirs=[np.get_include()],
            define_macros=list(MACROS.items()),
        )
        for path in sorted(Path("fastgrad").rglob("*.pyx"))
    ],
    cmdclass={"build_ext": BuildExt},
)
