"""Write docs/coverage.md, the table of NumPy's functions: `python docs/make_coverage.py`."""

from pathlib import Path

import numpy as np

import fastgrad.numpy  # noqa: F401, what registers the groups
from fastgrad.functions.discrete import NOT_OF_ARRAYS
from fastgrad.op import groups

# The chapters of NumPy's reference; np.linalg, np.fft and np.emath have their own.
CHAPTERS = {
    "Array creation": """
        array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix astype
        bmat copy diag diagflat empty_like from_dlpack full full_like geomspace linspace logspace
        meshgrid ones_like require tril triu vander zeros_like""",
    "Array manipulation": """
        append array_split atleast_1d atleast_2d atleast_3d block broadcast_arrays broadcast_to
        column_stack concat concatenate copyto delete dsplit dstack expand_dims flip fliplr flipud
        hsplit hstack insert matrix_transpose moveaxis ndim pad permute_dims ravel repeat reshape
        resize roll rollaxis rot90 row_stack shape size split squeeze stack swapaxes tile transpose
        trim_zeros unstack vsplit vstack""",
    "Bit-wise operations": """
        bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or
        bitwise_right_shift bitwise_xor invert left_shift packbits right_shift unpackbits""",
    "Data types": "can_cast common_type min_scalar_type result_type",
    "Dates": "busday_count busday_offset datetime_as_string is_busday isnat",
    "Functional programming": "apply_along_axis apply_over_axes piecewise",
    "Indexing": """
        choose compress diag_indices diag_indices_from diagonal extract fill_diagonal flatnonzero
        indices ix_ mask_indices nested_iters place put put_along_axis putmask ravel_multi_index
        select take take_along_axis tril_indices tril_indices_from triu_indices triu_indices_from
        unravel_index""",
    "Input and output": """
        array2string array_repr array_str save savetxt savez savez_compressed""",
    "Linear algebra": """
        cross dot einsum einsum_path inner kron matmul matvec outer tensordot trace vdot vecdot
        vecmat""",
    "Logic": """
        all allclose any array_equal array_equiv equal greater greater_equal isclose iscomplex
        iscomplexobj isfinite isfortran isinf isnan isneginf isposinf isreal isrealobj isscalar
        iterable less less_equal logical_and logical_not logical_or logical_xor not_equal""",
    "Polynomials": """
        poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots""",
    "Sets": """
        in1d intersect1d isin setdiff1d setxor1d union1d unique unique_all unique_counts
        unique_inverse unique_values""",
    "Sorting, searching, counting": """
        argmax argmin argpartition argsort argwhere count_nonzero lexsort nanargmax nanargmin
        nonzero partition searchsorted sort sort_complex where""",
    "Statistics": """
        amax amin average bincount corrcoef correlate cov digitize histogram histogram2d
        histogram_bin_edges histogramdd max mean median min nanmax nanmean nanmedian nanmin
        nanpercentile nanquantile nanstd nanvar percentile ptp quantile std var""",
    "Memory": "may_share_memory shares_memory",
}
NAMESPACES = {
    "np": (np, "Mathematical functions"),
    "np.linalg": (np.linalg, "np.linalg"),
    "np.fft": (np.fft, "np.fft"),
    "np.emath": (np.emath, "np.emath"),
}
HEAD = """\
# NumPy's functions, and what fastgrad does with them

`python docs/make_coverage.py` writes this page from the rules, with NumPy {version}; a test fails
when it is out of date, or when NumPy has a function that is in no group. The groups are:

- **differentiable** ({differentiable}): a call with Variables is recorded, the result is a
  Variable, and gradients pass.
- **zero gradient** ({zero gradient}): as above; the result changes in steps only, so that the
  gradient is zero.
- **plain result** ({plain result}): the result is NumPy's own, computed from the values. It has no
  derivative: it is an index, a truth value, a text, a shape, an array of zeros.
- **refused** ({refused}): a TypeError says why, and how to go on.
"""


def is_handed_over(function):
    """Whether NumPy asks Variables what the function does with them."""
    return isinstance(function, np.ufunc) or hasattr(function, "_implementation")


def functions():
    """NumPy's public functions and ufuncs: (namespace, name) and the function, by name."""
    found = {}
    for prefix, (namespace, _) in NAMESPACES.items():
        for name in sorted(dir(namespace)):
            function = getattr(namespace, name)
            if callable(function) and not isinstance(function, type) and name[0] != "_":
                found[prefix, name] = function
    return found


def not_of_arrays():
    """Those that take no arrays: (namespace, name) and why."""
    found = {}
    for why, names in NOT_OF_ARRAYS.items():
        for name in names.split():
            prefix, _, name = f"np.{name}".rpartition(".")
            found[prefix, name] = why
    return found


def chapter_of(prefix, name):
    """Where NumPy's reference has it."""
    if prefix == "np":
        for chapter, names in CHAPTERS.items():
            if name in names.split():
                return chapter
    return NAMESPACES[prefix][1]


def lines():
    """The lines of the tables: by chapter, then by name."""
    found = {}
    for (prefix, name), function in functions().items():
        if function in groups:
            group, remark = groups[function]
            if not remark and function.__name__ != name and prefix == "np":
                remark = f"is `np.{function.__name__}`"
            if group == "differentiable" and not is_handed_over(function):
                remark = f"NumPy converts Variables here without asking: `fastgrad.numpy.{name}`"
            line = f"| `{prefix}.{name}` | {group} | {remark} |"
            found.setdefault(chapter_of(prefix, name), {})[name] = line
    return found


def page():
    """The text of docs/coverage.md."""
    counts = dict.fromkeys(("differentiable", "zero gradient", "plain result", "refused"), 0)
    tables = lines()
    for table in tables.values():
        for line in table.values():
            counts[line.split(" | ")[1]] += 1
    version = ".".join(np.__version__.split(".")[:2])
    parts = [HEAD.format(version=version, **counts)]
    for chapter in sorted(tables, key=lambda chapter: (chapter.startswith("np."), chapter)):
        table = "\n".join(tables[chapter].values())
        parts.append(f"## {chapter}\n\n| function | group | remark |\n|---|---|---|\n{table}\n")
    parts.append("## In no group\n\nWhat takes no arrays is NumPy's own:\n")
    existing = functions()
    names = {}
    for (prefix, name), why in not_of_arrays().items():
        if (prefix, name) in existing:
            names.setdefault(why, []).append(f"`{prefix}.{name}`")
    parts.append("".join(f"- {why}: {', '.join(many)}\n" for why, many in names.items()))
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("coverage.md").write_text(page(), encoding="utf-8")
