"""Samples of fastgrad.functions.shaping."""

from samples.sample import Sample, complex_normal, normal

SAMPLES = [
    Sample("reshape", (normal(2, 3), (3, 2))),
    Sample("reshape", (normal(2, 3), -1), {"order": "F"}),
    Sample("broadcast_to", (normal(3), (2, 3))),
    Sample("broadcast_to", (normal(), (2, 3))),
    Sample("concatenate", ([normal(2, 3), normal(1, 3), complex_normal(2, 3)],)),
    Sample("concatenate", ([normal(2, 3), normal(2, 1)], -1)),
    Sample("concatenate", ([normal(2, 3), normal(2)],), {"axis": None}),
]
