"""Samples of fastgrad.functions.reductions."""

from samples.sample import Sample, complex_normal, normal

AXES = [{}, {"axis": 0}, {"axis": -1}, {"axis": (0, 2)}, {"axis": 1, "keepdims": True}]
SAMPLES = [
    *(Sample("sum", (normal(2, 3, 2),), axes) for axes in AXES),
    Sample("sum", (normal(2, 3, 2), 1)),
    Sample("sum", (normal(2, 3, 2),), {"keepdims": True}),
    Sample("sum", (normal(2, 3),), {"where": normal(2, 3) > 0, "initial": 2.0}),
    Sample("sum", (complex_normal(2, 3),), {"axis": 0}),
    Sample("sum", (normal(),)),
    Sample("sum", (normal(0, 3),), {"axis": 0}),
]
