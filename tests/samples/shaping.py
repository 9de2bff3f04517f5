"""Samples of fastgrad.functions.shaping."""

import dataclasses

import numpy as np

from fastgrad import unstack  # NumPy has it since 2.1
from fastgrad.functions.padding import pad_with
from samples.sample import Sample, complex_normal, distinct, normal

x, x3, v, c = normal(2, 3), normal(2, 3, 4), normal(5), complex_normal(2, 3)
scalar, empty = normal(), normal(0, 3)
TAKES_ORDER = np.__version__ != "2.1.0"  # which does not, by position; a slip of that release


def of(name, *calls, **options):
    """Samples of a function: (args, kwargs) or args of each."""
    for call in calls:
        args, kwargs = call if isinstance(call[-1], dict) and len(call) == 2 else (call, {})
        args = args if isinstance(args, tuple) else (args,)
        if "function" in options or hasattr(np, name):
            yield Sample(name, args, kwargs, **options)


def options(x, *many):
    """The same operand with each of these keywords."""
    return [((x,), kwargs) for kwargs in many]


SHAPES = [
    *of("reshape", (x, (3, 2)), (x, -1), (c, (6,)), (scalar, (1, 1)), (empty, (3, 0)), (v[:1], ())),
    *of("reshape", *(((x3, (4, 6)), {"order": order}) for order in "CF")),
    *(of("reshape", (x3, (4, -1), "F")) if TAKES_ORDER else ()),
    # The order depends on the layout, which differences change: see test_conventions_shaping.
    *of("reshape", ((x3, (4, 6)), {"order": "A"}), layouts=False),
    *(of("reshape", (np.asfortranarray(x3), (4, 6), "A"), orders=0) if TAKES_ORDER else ()),
    *of("ravel", (x,), (x, "F"), (scalar,), (c,), (empty,)),
    *of("ravel", *options(x3, {"order": "A"}, {"order": "K"}), layouts=False),  # see conventions
    *of("ravel", (np.asfortranarray(x3)[..., :3], "A"), (np.asfortranarray(x3), "K"), orders=0),
    *of("ravel", (x3.transpose(1, 0, 2)[::-1], "K"), (x3[:, ::2, ::-1].T, "K"), orders=0),
    *of("ravel", (np.broadcast_to(v, (2, 5)), "K"), orders=0),
    *of("expand_dims", (x, 0), (x, -1), (x, (0, 2)), (scalar, 0), (c, 1)),
    *of("squeeze", (normal(1, 3, 1),), (normal(1, 3, 1), 0), (normal(1, 1),), (scalar,)),
    *of("squeeze", *options(normal(1, 3, 1), {"axis": -1}, {"axis": (0, 2)})),
    *of("atleast_1d", (scalar,), (v,), (scalar, v, x)),
    *of("atleast_2d", (scalar,), (v,), (x,), (scalar, v, x3, 2.0)),
    *of("atleast_3d", (scalar,), (v,), (x,), (normal(1, 2, 1, 2),), (scalar, v, x, [1, 2])),
]  # fmt: skip
AXES = [
    *of("transpose", (x,), (v,), (scalar,), (c,), (x3,), (empty,)),
    *of("transpose", (x3, (1, 2, 0)), (x3, (-1, 0, 1))),
    *of("transpose", *options(x3, {"axes": (2, 0, 1)}, {"axes": None})),
    *of("permute_dims", (x3, (1, 2, 0))),
    *of("matrix_transpose", (x,), (x3,), (c,)),
    *of("swapaxes", (x3, 0, 2), (x3, -1, 1), (c, 0, 0)),
    *of("moveaxis", (x3, 0, -1), (x3, (0, 1), (-1, 0)), (x3, [2], [0]), (c, 1, 0)),
    *of("rollaxis", *((x3, axis, start) for axis in (0, 1, -1) for start in (0, 1, 3, -1))),
    *of("rollaxis", (x3, 2), (c, 1)),
    *of("flip", (x,), (scalar,), (x3, 1), (x3, (0, -1)), ((c,), {"axis": 0})),
    *of("fliplr", (x,), (x3,)),
    *of("flipud", (x,), (v,), (c,)),
    *of("roll", (x, 2), (v, -7), (x3, 1, 0), (x3, (1, -2), (0, -1)), (x3, 1, (0, 1)), (c, 1, 1)),
    *of("roll", ((x3,), {"shift": (1, 2), "axis": 1}), (x, (1, 2)), (empty, 1), (scalar, 3)),
    *of("rot90", (x,), (x, 2), (x, -1), (x3, 3, (1, 2)), ((x3,), {"k": 1, "axes": (2, 0)}), (c, 5)),
]  # fmt: skip
BROADCASTING = [
    *of("broadcast_to", (v, (2, 5)), (scalar, (2, 3)), (normal(2, 1), (2, 3)), (c, (4, 2, 3))),
    *of("broadcast_to", (v, 5), (normal(1, 3), (0, 3)), ((v, (2, 5)), {"subok": True})),
    *of("broadcast_arrays", (v, normal(2, 1)), (x, x, scalar), (c,), (normal(1, 5), v, 3.0)),
    *of("meshgrid", (v,), (v, normal(3)), (v, normal(3), normal(2)), (scalar, v), (c[0], v, 1.0)),
    *of("meshgrid", *(((v, normal(3), normal(2)), kwargs) for kwargs in (
        {"indexing": "ij"}, {"sparse": True}, {"copy": False}, {"sparse": True, "copy": False},
        {"sparse": True, "indexing": "ij"}))),
    *of("meshgrid", (x, v)),
    *of("full", ((2, 3), scalar), ((2, 3), normal(3)), (4, scalar)),
    *of("full", ((2, 2), np.asarray(complex_normal()))),
    *of("full", (((2, 3), scalar), {"dtype": np.float64, "order": "F"}), float32=False),
    *of("full_like", (np.arange(6).reshape(2, 3) * 1.0, normal(3)), fixed=(0,)),
    *of("full_like", (([0.0, 1.0], scalar), {"shape": (3, 2)}),
        (([0.0, 1.0], scalar), {"dtype": complex}), float32=False),
]  # fmt: skip
JOINING = [
    *of("concatenate", ([x, normal(1, 3), c],), ([x, normal(2, 1)], -1)),
    *of("concatenate", *((([x, normal(2)],), {"axis": None}), (([scalar, x],), {"axis": None}))),
    *of("concatenate", ([x3, normal(2, 1, 4)], 1), ([empty, x],), ([v],), (x3, 1)),
    *of("concatenate", (([x, x],), {"dtype": np.complex128}), float32=False),
    *of("concatenate", (([x, x],), {"dtype": np.float32, "casting": "same_kind"}), orders=0),
    *of("concat", ([x, normal(1, 3)],)),
    *of("stack", ([x, c],), ([x, x, normal(2, 3, seed=1)], 1), ([x, x], -1)),
    *of("stack", (([v, v], 1), {"dtype": np.complex128, "casting": "safe"}), float32=False),
    *of("stack", (x3, 1), ([empty, empty],)),
    *of("hstack", ([x, normal(2, 1)],), ((x3, x3),), (x3,)),
    *of("hstack", (([v, v],), {"dtype": np.complex128, "casting": "safe"}), float32=False),
    *of("vstack", ([v, v],), ([x, normal(3)],), ((c, x),), (x3,)),
    *of("vstack", (([v, v],), {"dtype": np.complex128, "casting": "safe"}), float32=False),
    *of("dstack", ([v, v],), ([x, c],), ([x3, x3],)),
    *of("column_stack", ([v, normal(5, 2)],), ((normal(2), c),)),
    *of("block", ([x, normal(2, 1)],), ([scalar, v],), (x,), (scalar,)),
    *of("block", ([normal(1, 3, 4), normal(3, 1)],)),
    *of("append", (x, v), (x, c, 0), (x, normal(2, 1), -1)),
    *of("append", ((x, normal(1, 3)), {"axis": 0})),
]  # fmt: skip
SPLITTING = [
    *of("split", (x3, 2, 2), (v, 5), (x, 1), (v, [2]), (v, [1, 3, 3]), (x3, [1], -2), (c, 3, 1)),
    *of("split", (v, [3, 1]), (x3, [-1, 1, 9], 2), ((x,), {"indices_or_sections": 3, "axis": 1})),
    *of("array_split", (v, 3), (v, 7), (x3, 3, 2), (x3, [1, 2], -1), (v, np.array([4, 2]))),
    *of("hsplit", (v, [2]), (x, 3), (x3, [2, 1]), (c, 3)),
    *of("vsplit", (x, 2), (x3, [1]), (x, [1, 0])),
    *of("dsplit", (x3, 2), (x3, [3, 1])),
    *of("unstack", (x,), (v,), *options(x3, {"axis": 1}, {"axis": -1}), function=unstack),
]
REPEATING = [
    *of("tile", (v, 2), (v, (2, 1)), (x, (2, 1, 3)), (x3, 2), (x3, (2, 2)), (scalar, (2, 3))),
    *of("tile", (c, 2), (x, (0, 2)), ((x,), {"reps": [1, 2]}), (v, ())),
    *of("repeat", (x, 2), (x, 2, 0), (x3, 3, -1), (x, [1, 0, 2], 1), (x, [2], 1), (c, [2, 0], 0)),
    *of("repeat", (v, [0, 1, 2, 3, 1]), (scalar, 3), (x, 0, 1), ((x,), {"repeats": 2, "axis": 0})),
    *of("resize", (x, (2, 2)), (x, (4, 5)), (v, 12), (c, (3, 3)), (x, (0, 2)), (empty, (2, 2))),
    *of("resize", (v, ())),
    *of("delete", (v, 1), (v, -1), (v, [0, 3, 3]), (v, slice(None, None, 2)), (x, 4)),
    *of("delete", (x, [True, False, True], 1), (x, [], 0), (c, 0, -1)),
    *of("delete", ((x3,), {"obj": 1, "axis": -2}), (x3, [0, 2], 2)),
    *of("insert", (v, 1, scalar), (v, 1, normal(3)), (v, [3, 1], normal(2)), (v, [1, 1], 2.0)),
    *of("insert", (x, 1, normal(3), 0), (x, 1, normal(2), 1), (x, [1], normal(2, 1), 1)),
    *of("insert", (x, 1, scalar)),
    *of("insert", (x, [0, 3, -1], normal(3), 1), (x, slice(0, 2), normal(2, 2), 1), (x, -1, x, 0)),
    *of("insert", (x, [1, 2], normal(1, 3), 0), (x3, 1, normal(2, 2, 3), 2)),
    *of("insert", (x3, 2, normal(2, 3), 2)),
    *of("insert", (c, [1], scalar, 1)),
    *of("insert", (v, [2, 0], normal(1, 2)), (v, 5, normal(2))),
    *of("trim_zeros", *((np.r_[0.0, v, 0, 0], trim) for trim in ("fb", "F", "b")), orders=0),
]  # fmt: skip


def pad(x, *args, **kwargs):
    return Sample("pad", (x, *args), kwargs)


ODD = {"reflect_type": "odd"}
PADDING = [
    *(pad(x, width) for width in (2, (1, 2), ((1, 2), (0, 3)), ((1,), (2,)), 0)),
    pad(x, np.array([[1, 0]])),
    *(pad(y, 1) for y in (scalar, empty, c, x3)),
    pad(x, 1, constant_values=3.0),
    *(Sample("pad", (x, values, 1), function=pad_with, forward=pad_with.forward)
      for values in (scalar, normal(2), normal(2, 2))),
    pad(x, 1, "constant", constant_values=((1, 2), (3, 4))),
    *(pad(x, ((2, 1), (0, 3)), mode)
      for mode in "edge linear_ramp mean maximum minimum median reflect symmetric wrap".split()),
    *(pad(x3, 1, mode=mode) for mode in "edge linear_ramp mean maximum minimum wrap".split()),
    *(pad(c, (2, 1), mode) for mode in "edge linear_ramp mean reflect symmetric wrap".split()),
    *(pad(v, (13, 22), mode) for mode in "reflect symmetric wrap".split()),
    *(pad(y, (9, 13), mode, **ODD) for mode in ("reflect", "symmetric") for y in (v, v[:2], v[:1])),
    *(pad(x, ((1, 3), (5, 2)), mode, **ODD) for mode in ("reflect", "symmetric")),
    *(pad(y, (3, 1), mode) for mode in ("reflect", "symmetric") for y in (v[:2], v[:1])),
    pad(x, ((2, 3), (1, 4)), "linear_ramp", end_values=((1, 2), (3.5, 4))),
    *(pad(distinct(4, 5), ((1, 2), (2, 1)), mode, stat_length=length)
      for mode in "mean maximum minimum median".split()
      for length in (2, (3, 1), ((9, 2), (4, 3)))),
    *(pad(empty, ((0, 0), (1, 2)), mode) for mode in "edge mean wrap linear_ramp".split()),
]  # fmt: skip
ARRAYS = [
    *of("copy", (x,), (scalar,), (c, "F"), ((x,), {"order": "C"}), ((x,), {"subok": True})),
    *of("astype", (x, np.float64), ((x, np.complex128), {"copy": False}), float32=False),
    *of("astype", (x, np.float32), (x, np.int64), orders=0),
    *of("array", (x,), (scalar,), ([v, normal(5), 0 * v],), ((c, x),)),
    *of("array", *options(x, {"ndmin": 4}, {"order": "F", "copy": True}, {"subok": True})),
    *of("array", ([scalar, 1], np.complex128), ((x,), {"dtype": np.complex128}), float32=False),
    *of("asarray", (x,), ([scalar, scalar],), (((v, v),), {"order": "F"})),
    *of("asarray", (([v],), {"dtype": np.complex128}), float32=False),
    *of("asanyarray", (x,), ([v, v],)),
    *of("ascontiguousarray", (x,), (scalar,), ([v, c[0, 0] * v],)),
    *of("asfortranarray", (x,), ([v, v],)),
    *of("asarray_chkfinite", (x,), ([v, v],)),
    *of("require", (x,), (x, None, ["F", "O"]), ((x,), {"requirements": "C"}), ([v, v],)),
]
if np.lib.NumpyVersion(np.__version__) >= "2.2.0":  # before, a mask was a list of indices
    REPEATING += of("insert", (v, np.array([True, False, False, True, False]), normal(2)))
BETWEEN = [
    *of("linspace", (scalar, 3.0), (-1.0, scalar), (scalar, normal(seed=1), 5)),
    *of("linspace", (v, normal(2, 1), 4)),
    *of("linspace", (scalar, 2.0, 1), (scalar, 2.0, 0), (scalar, 2.0, 1, False), (c, x, 3)),
    *of("linspace", *(((x, 2.0, 4), kwargs) for kwargs in (
        {"endpoint": False}, {"axis": -1}, {"axis": 1, "retstep": True}))),
    *of("linspace", ((scalar, 2.0, 3, False), {"retstep": True}),
        ((scalar, 2.0, 1, False), {"retstep": True}), float32=False),
    *of("linspace", ((scalar, 2.0), {"dtype": np.complex128}), float32=False),
    *of("linspace", ((scalar, 9.5, 4), {"dtype": int}), orders=0),
    *of("logspace", (scalar, 1.0), (scalar, normal(seed=1), 5, False), (v, normal(2, 1), 4)),
    *of("logspace", *(((scalar, 1.0, 4), kwargs) for kwargs in (
        {"base": 2}, {"dtype": np.complex128})), float32=False),
    *of("logspace", (0.0, 1.0, 4, True, np.array([2.0, 3.0]), None, -1), float32=False),
    *of("logspace", (x / 4, 1.0, 3, True, np.array([[2.0, 3.0, 2.5], [2.0, 1.5, 4.0]]), None, 1),
        float32=False),
    # NumPy makes float64 of float32 here.
    *of("geomspace", (np.asarray(1 + scalar), 30.0), (-v - 4, np.array(-8.0), 4), (2.0, c + 3, 3),
        float32=False),
    *of("geomspace", *(((x + 4, 20.0, 4), kwargs) for kwargs in (
        {"endpoint": False}, {"axis": -1}, {"dtype": np.complex128})), float32=False),
    *of("geomspace", (x + 4, 20.0, 1), (x + 4, 20.0, 0), float32=False),
]  # fmt: skip
# With Python's numbers in lists, of which NumPy makes float64.
MIXED = [
    *of("concatenate", ((v, v, [1.0, 2.0]),)),
    *of("hstack", ([v, scalar, 2.0, [1, 2]],)),
    *of("column_stack", ((normal(2), c, [1, 2]),)),
    *of("block", ([scalar, v, 1.0],)),
    *of("append", (scalar, 2.0), ([1.0, 2.0], v)),
    *of("insert", ([1.0, 2.0], 1, scalar)),
    *of("asarray", ([v, [1, 2, 3, 4, 5]],)),
    *(
        Sample(name, ([scalar, 1, 3.0],))
        for name in "stack vstack dstack column_stack array".split()
    ),
]
MIXED = [dataclasses.replace(sample, float32=False) for sample in MIXED]
SAMPLES = [
    *SHAPES, *AXES, *BROADCASTING, *JOINING, *SPLITTING, *REPEATING, *PADDING, *ARRAYS, *BETWEEN,
    *MIXED,
]  # fmt: skip
