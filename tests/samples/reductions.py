"""Samples of fastgrad.functions.reductions, .statistics and .differences."""

import numpy as np

from samples.sample import Sample, complex_normal, distinct, normal, uniform

AXES = [{}, {"axis": 0}, {"axis": -1}, {"axis": (0, -1)}, {"axis": 1, "keepdims": True}]
MASK = np.array([[True, False, True], [True, True, True]])
NAN = float("nan")


def with_nans(x):
    """The same, with two NaNs."""
    x = x.copy()
    x.ravel()[[1, x.size - 1]] = NAN
    return x


def with_zeros(*shape, zeros=(0,)):
    """Numbers away from zero, but for some zeros."""
    x = uniform(0.5, 2, *shape)
    x.ravel()[list(zeros)] = 0
    return x


def of_each_axis(name, x, **kwargs):
    """A sample for each way to say which axes."""
    return [Sample(name, (x,), axes | kwargs) for axes in AXES]


SUMS = [
    *(s for name in "sum mean nansum nanmean var std".split()
      for s in of_each_axis(name, normal(2, 3, 2))),
    *(Sample(name, (normal(2, 3, 2), 1))
      for name in "sum mean nansum nanmean var std prod".split()),
    *(Sample(name, (normal(2, 3, 2),), {"keepdims": True}) for name in "sum mean var prod".split()),
    *(Sample(name, (normal(2, 3, 2),), {"axis": ()}) for name in "sum mean prod".split()),
    *(Sample(name, (complex_normal(2, 3),), {"axis": 0}) for name in
      "sum mean nansum nanmean var std prod nanprod nanvar nanstd".split()),
    *(Sample(name, (normal(),)) for name in "sum mean nansum nanmean prod var".split()),
    *(Sample(name, (normal(0, 3),), {"axis": 0}) for name in "sum prod nansum nanprod".split()),
    *(Sample(name, (normal(0, 3),), {"axis": 1}) for name in "mean nanmean var std".split()),
    *(Sample(name, (with_nans(normal(2, 3)),), {"where": np.isfinite(with_nans(normal(2, 3)))})
      for name in "sum mean var std prod".split()),
    *(Sample(name, (normal(3, 3),), {"axis": 0, "where": MASK[:1].T | MASK[0]})
      for name in "sum mean var std prod nansum nanmean nanvar nanstd nanprod".split()),
    *(Sample(name, (normal(2, 3),), {"dtype": np.complex128}, float32=False)
      for name in "sum mean prod cumsum cumprod nansum".split()),
    *(Sample(name, (normal(2, 3).astype(np.float32),), {"dtype": np.float64, "axis": 1},
             orders=0) for name in "sum mean prod var std cumsum cumprod".split()),
    *(Sample(name, (normal(2, 3),), {"where": MASK, "initial": 2.0})
      for name in "sum prod nansum nanprod".split()),
    *(Sample(name, (with_nans(normal(3, 4)),), axes | more)
      for name in "nansum nanmean nanvar nanstd nanprod".split()
      for axes in ({}, {"axis": 0}, {"axis": (-1,), "keepdims": True})
      for more in ({}, {"where": normal(3, 4) < 1})),
    *(Sample(name, (normal(3, 4),), {"axis": 0} | kwargs)
      for name in "var std nanvar nanstd".split()
      for kwargs in ({"ddof": 1}, {"correction": 1})),
    *(Sample(name, (normal(3, 4),), {"axis": 0, "mean": normal(1, 4, seed=1)}, float32=False)
      for name in "var std nanvar nanstd".split()),
    *(Sample(name, (complex_normal(3, 2),), {"ddof": 1}) for name in "var std".split()),
]  # fmt: skip

EXTREMES = [
    *(s for name in "max min amax amin ptp nanmax nanmin".split()
      for s in of_each_axis(name, distinct(2, 3, 2))),
    *(Sample(name, (distinct(2, 3), 1)) for name in "max min ptp nanmax nanmin".split()),
    *(Sample(name, (distinct(),)) for name in "max min ptp nanmax nanmin".split()),
    *(Sample(name, (complex_normal(2, 3),), {"axis": 0}) for name in "max min nanmax".split()),
    *(Sample(name, (distinct(2, 3),), {"axis": 1, "initial": 0.0, "where": MASK})
      for name in "max min nanmax nanmin".split()),
    *(Sample(name, (distinct(2, 3),), {"initial": 100.0}) for name in "max nanmax".split()),
    *(Sample(name, (np.where(MASK, distinct(2, 3), NAN),), {"initial": -9.0, "where": MASK})
      for name in "max nanmax".split()),
    *(Sample(name, (with_nans(distinct(3, 4)),), axes)
      for name in "nanmax nanmin".split() for axes in ({}, {"axis": 0}, {"axis": (0, 1)})),
    *(Sample(name, (distinct(0, 3),), {"axis": 1}) for name in "max min ptp".split()),
    Sample("max", (distinct(0, 3),), {"axis": 0, "initial": 1.0}),
]  # fmt: skip

PRODUCTS = [
    *of_each_axis("prod", normal(2, 3, 2)),
    *of_each_axis("nanprod", with_nans(normal(2, 3, 2))),
    *(Sample("prod", (with_zeros(*shape, zeros=zeros),), axes)
      for shape, zeros in (((2, 4), (0,)), ((2, 5), (1, 2)), ((2, 2), (0, 1, 2, 3)))
      for axes in ({}, {"axis": 1}, {"axis": 0})),
    Sample("prod", (with_zeros(5, zeros=(3,)),), {"initial": 3.0}),
    Sample("prod", (normal(1, 2, 1),), {"axis": (2, 0)}),
    *(Sample(name, (with_zeros(n, zeros=zeros),))
      for name in "cumprod nancumprod cumulative_prod".split()
      for n, zeros in ((5, (2,)), (7, (1, 4)))),
    *(Sample(name, (x,), axes)
      for name in "cumsum cumprod nancumsum nancumprod".split()
      for x in (normal(2, 3, 2), complex_normal(3, 1, 2))
      for axes in ({}, {"axis": 0}, {"axis": -1})),
    *(Sample(name, (with_nans(normal(3, 4)), *axis))
      for name in "nancumsum nancumprod".split() for axis in ((), (0,), (-1,))),
    *(Sample(name, (normal(),)) for name in "cumsum cumprod nancumsum nancumprod".split()),
    *(Sample(name, (normal(0, 2),), {"axis": 1}) for name in "cumsum cumprod".split()),
    *(Sample(name, (x,), {"axis": axis, "include_initial": initial})
      for name in "cumulative_sum cumulative_prod".split() if hasattr(np, name)
      for x in (normal(3, 2), complex_normal(3, 4))
      for axis in (0, -1) for initial in (False, True)),
    *(Sample(name, (normal(5),), {"include_initial": True})
      for name in "cumulative_sum cumulative_prod".split() if hasattr(np, name)),
]  # fmt: skip
if not hasattr(np, "cumulative_prod"):
    PRODUCTS = [s for s in PRODUCTS if s.name != "cumulative_prod"]

# --- statistics ---

X = distinct(3, 4)
METHODS = (
    "linear hazen weibull median_unbiased normal_unbiased interpolated_inverted_cdf lower higher "
    "nearest midpoint inverted_cdf averaged_inverted_cdf closest_observation"
).split()

AVERAGES = [
    Sample("average", (normal(2, 3),)),
    Sample("average", (normal(2, 3), 0)),
    Sample("average", (normal(2, 3), -1), {"keepdims": True}),
    Sample("average", (normal(2, 3), None, uniform(1, 2, 2, 3))),
    Sample("average", (normal(2, 3), 1, uniform(1, 2, 3))),
    Sample("average", (normal(2, 3), (1, 0), uniform(1, 2, 3, 2)), {"keepdims": True}),
    Sample("average", (normal(4, 2, 3), (2, 0), uniform(1, 2, 3, 4), True)),
    Sample("average", (normal(2, 3), 0, uniform(1, 2, 2, 3), True)),
    Sample("average", (normal(2, 3), 0, None, True)),
    Sample("average", (normal(2, 3), 0), {"weights": uniform(1, 2, 2), "returned": True},
           float32=False),
    Sample("average", (np.arange(6).reshape(2, 3), 1, uniform(1, 2, 3)), float32=False),
    Sample("average", (complex_normal(2, 3), 0, uniform(1, 2, 2))),
    Sample("average", (complex_normal(2, 3), 0, 2 + complex_normal(2))),
]  # fmt: skip

QUANTILES = [
    *(Sample(name, (distinct(3, n),), axes) for name in "median nanmedian".split()
      for n in (4, 5) for axes in [*AXES[:3], {"axis": (0, 1)}, {"axis": 1, "keepdims": True}]),
    *(Sample(name, (distinct(2, 3, 4), (0, -1))) for name in "median nanmedian".split()),
    Sample("median", (distinct(),)),
    Sample("median", (complex_normal(3, 4),), {"axis": 1}),
    Sample("median", (distinct(2, 0),), {"axis": 0}, layouts=False),
    *(Sample(name, (distinct(3, 4), None, None, True), orders=1, layouts=False)
      for name in "median nanmedian".split()),
    *(Sample("nanmedian", (with_nans(distinct(3, 6)),), axes) for axes in AXES[:3]),
    *(Sample(name, (X, q), axes) for name, q in (("quantile", 0.3), ("percentile", 30.0),
                                                 ("nanquantile", 0.3), ("nanpercentile", 30.0))
      for axes in ({}, {"axis": 0}, {"axis": (1, 0), "keepdims": True}, {"axis": -1})),
    *(Sample("quantile", (X, 0.37), {"method": method, "axis": 1}, float32=False)
      for method in METHODS),
    *(Sample("nanquantile", (with_nans(X), 0.37), {"method": method, "axis": 1}, float32=False)
      for method in METHODS),
    *(Sample("quantile", (X, np.array([[0.11, 0.35], [0.77, 0.93]])),
             {"method": method, "axis": axis}, float32=False)
      for method in METHODS for axis in (None, 1)),
    *(Sample("percentile", (X, np.array(q)), {"axis": 0}, float32=False)
      for q in (33.0, [21.0, 87.0])),
    *(Sample(name, (with_nans(X), np.array([0.21, 0.87]) * scale), {"axis": 0}, float32=False)
      for name, scale in (("nanquantile", 1), ("nanpercentile", 100))),
    *(Sample(name, (x, [0.25, 0.6]), {"axis": axis, "method": "inverted_cdf", "weights": w},
             float32=False)
      for name, x, w in (("quantile", X, np.array([1, 2, 0.5, 1])),
                         ("quantile", X, uniform(1, 2, 3, 4)),
                         ("nanquantile", with_nans(X), uniform(1, 2, 3, 4)))
      for axis in (1, (0, 1), -1)[: 1 if w.ndim == 1 else None]),
    Sample("quantile", (np.arange(5.0) ** 2, 1.0)),
    Sample("quantile", (np.arange(5), np.array(0.3)), float32=False),
]  # fmt: skip

COVARIANCES = [
    *(Sample(name, (x, *args), kwargs, float32=False)
      for name in "cov corrcoef".split()
      for x in (normal(3, 5), complex_normal(3, 5))
      for args, kwargs in (((), {}), ((normal(2, 5),), {}), ((normal(5),), {}))),
    *(Sample(name, (normal(5, 2), *args), {"rowvar": False}, float32=False)
      for name in "cov corrcoef".split()
      for args in ((), (normal(5, 3),), (complex_normal(5),), (normal(1, 5),))),
    *(Sample("cov", (x,), {}, float32=False) for x in (normal(5), complex_normal(5))),
    Sample("cov", (normal(5), normal(5, seed=1)), {}, float32=False),
    *(Sample("cov", (normal(2, 4),), kwargs, float32=False)
      for kwargs in ({"bias": True}, {"ddof": 0}, {"ddof": 2}, {"fweights": [1, 2, 3, 1]},
                     {"aweights": [1, 0.5, 2, 1]}, {"ddof": 0, "aweights": [1, 0.5, 2, 1]},
                     {"fweights": [1, 2, 3, 1], "aweights": [1, 0.5, 2, 1]})),
    Sample("cov", (normal(2, 4),), {"dtype": np.float32}, orders=0),
    Sample("cov", (np.arange(8).reshape(2, 4), normal(4)), float32=False),
]  # fmt: skip

COUNTS = [
    Sample("bincount", (np.array([0, 2, 2, 5]), normal(4)), float32=False),
    Sample("bincount", (np.array([0, 2, 2, 5]), normal(4), 8), float32=False),
    Sample("bincount", ([1, 1], normal(2)), {"minlength": 4}, float32=False),
]

# --- differences and integrals ---

DIFFERENCES = [
    *(Sample("diff", (normal(3, 4),), kwargs)
      for kwargs in ({}, {"n": 0}, {"n": 2}, {"axis": 0}, {"n": 5}, {"n": 2, "axis": 0})),
    Sample("diff", (complex_normal(4), 2)),
    Sample("diff", (normal(3, 4), 1, 0, normal(2, 4), normal(1, 4, seed=1))),
    Sample("diff", (normal(3, 4), 2, -1, normal(), 0.5), float32=False),
    Sample("diff", (normal(3, 4), 3, -1, complex_normal(3, 1), normal(3, 2))),
    Sample("diff", (normal(3, 4),), {"prepend": 0.5, "append": [[1.0], [2.0], [0.0]]},
           float32=False),
    Sample("diff", (normal(3), 0, -1, normal(1))),
    Sample("diff", (normal(2, 0),)),
    Sample("diff", (np.arange(4), 1, -1, normal(2)), float32=False),
    *(Sample("ediff1d", args) for args in (
        (normal(2, 3),), (normal(2, 3), normal(2)), (normal(2, 3), None, normal(1, 3)),
        (normal(4), normal(), normal(2)), (normal(1),), (normal(0), normal(2)),
        (complex_normal(3), normal(2), complex_normal(1)))),
    Sample("ediff1d", (normal(3),), {"to_begin": 1.0, "to_end": [2.0, 3.0]}),
]  # fmt: skip

GRID = np.array([0.0, 0.5, 0.7, 1.5, 2.5])
GRADIENTS = [
    *(Sample("gradient", args, kwargs | {"edge_order": edge_order})
      for edge_order in (1, 2)
      for args, kwargs in (
        ((normal(5),), {}), ((normal(3, 5),), {}), ((complex_normal(3),), {}),
        ((normal(3, 5), 0.5), {}), ((normal(3, 5),), {"axis": -1}),
        ((normal(3, 5), 2.0), {"axis": 0}), ((normal(4, 3, 5),), {"axis": (2, 0)}),
        ((normal(5), np.array(0.3)), {}), ((normal(3, 5), 0.5, GRID), {}),
        ((normal(5, 3), GRID), {"axis": 0}), ((complex_normal(5, 3), GRID), {"axis": 0}),
        ((normal(2, 5, 3), GRID), {"axis": 1}), ((normal(3), np.array([1, 2, 5])), {}),
        ((normal(3), [0, 2, 5]), {}), ((normal(3), np.array([1, 2, 5], np.uint8)), {}),
        ((np.arange(5) ** 2, GRID), {}), ((normal(3, 3), np.array(0.5), np.array(2.0)), {}))),
    Sample("gradient", (normal(2),)),
    Sample("gradient", (normal(2, 2), np.array([0.0, 0.4]), np.array(2.0))),
]  # fmt: skip
GRADIENTS = [
    # Coordinates in float64, or integer values, with float32 ones.
    Sample(s.name, s.args, s.kwargs, float32=s.args[0].dtype.kind != "i")
    for s in GRADIENTS
]

INTEGRALS = [
    *(Sample("trapezoid", args, kwargs) for args, kwargs in (
        ((normal(3, 4),), {}), ((normal(3, 4),), {"dx": 0.5, "axis": 0}),
        ((normal(3, 4), None, np.array(0.5)), {}), ((normal(3, 5), GRID), {}),
        ((normal(5, 3), GRID), {"axis": 0}), ((normal(5, 3), normal(5, 3, seed=1)), {"axis": 0}),
        ((complex_normal(3, 5), normal(5)), {}), ((normal(5), normal(3, 5)), {}),
        ((normal(5), normal(2)), {}), ((complex_normal(4), complex_normal(4, seed=1)), {}),
        ((normal(4), None, np.array([0.5, 1.0, 2.0])), {}), ((normal(1),), {}))),
]  # fmt: skip

SAMPLES = [
    *SUMS, *EXTREMES, *PRODUCTS, *AVERAGES, *QUANTILES, *COVARIANCES, *COUNTS, *DIFFERENCES,
    *GRADIENTS, *INTEGRALS,
]  # fmt: skip
