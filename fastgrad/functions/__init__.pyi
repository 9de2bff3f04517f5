from collections.abc import Callable
from typing import Any, TypeAlias

from fastgrad.op import Row

# What may return several results.
_Function: TypeAlias = Callable[..., Any]

__all__ = [
    "subtract", "multiply", "divide", "negative", "positive", "reciprocal", "square", "power",
    "float_power", "sqrt", "cbrt", "floor_divide", "remainder", "mod", "fmod", "divmod", "modf",
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "sin",
    "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "hypot", "unwrap", "sinc", "degrees",
    "rad2deg", "radians", "deg2rad", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
    "i0", "absolute", "fabs", "sign", "copysign", "heaviside", "maximum", "minimum", "fmax",
    "fmin", "clip", "where", "nan_to_num", "floor", "ceil", "rint", "trunc", "fix", "round",
    "spacing", "nextafter", "frexp", "ldexp", "real", "imag", "conjugate", "conj", "angle",
    "real_if_close", "sum", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "prod",
    "cumsum", "cumprod", "nansum", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanprod",
    "nancumsum", "nancumprod", "trapezoid", "diff", "ediff1d", "gradient", "average", "median",
    "quantile", "percentile", "nanmedian", "nanquantile", "nanpercentile", "cov", "corrcoef",
    "bincount", "cumulative_sum", "cumulative_prod", "reshape", "ravel", "transpose",
    "permute_dims", "matrix_transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims",
    "squeeze", "broadcast_to", "broadcast_arrays", "meshgrid", "flip", "fliplr", "flipud",
    "roll", "rot90", "copy", "concatenate", "concat", "stack", "atleast_1d", "atleast_2d",
    "atleast_3d", "hstack", "vstack", "dstack", "column_stack", "block", "append", "split",
    "array_split", "hsplit", "vsplit", "dsplit", "unstack", "pad", "array", "asarray", "astype",
    "full", "full_like", "linspace", "logspace", "geomspace", "tile", "repeat", "resize",
    "delete", "insert", "trim_zeros", "take", "take_along_axis", "compress", "extract",
    "choose", "select", "diag", "diagonal", "diagflat", "trace", "tril", "triu", "sort",
    "sort_complex", "partition", "unique", "unique_values", "unique_counts", "unique_inverse",
    "unique_all", "union1d", "piecewise", "apply_along_axis", "apply_over_axes", "dot", "vdot",
    "inner", "outer", "tensordot", "einsum", "kron", "cross", "convolve", "correlate", "interp",
    "vander", "vecdot", "matvec", "vecmat", "polyval", "poly", "roots", "polyfit", "polyadd",
    "polysub", "polymul", "polyder", "polyint", "sigmoid", "log_sigmoid", "softplus", "silu",
    "relu", "leaky_relu", "elu", "gelu", "softmax", "log_softmax", "logsumexp",
]  # fmt: skip

subtract: Row
multiply: Row
divide: Row
negative: Row
positive: Row
reciprocal: Row
square: Row
power: Row
float_power: Row
sqrt: Row
cbrt: Row
floor_divide: Row
remainder: Row
mod: Row
fmod: Row
divmod: _Function
modf: _Function
exp: Row
exp2: Row
expm1: Row
log: Row
log2: Row
log10: Row
log1p: Row
logaddexp: Row
logaddexp2: Row
sin: Row
cos: Row
tan: Row
arcsin: Row
arccos: Row
arctan: Row
arctan2: Row
hypot: Row
unwrap: Row
sinc: Row
degrees: Row
rad2deg: Row
radians: Row
deg2rad: Row
sinh: Row
cosh: Row
tanh: Row
arcsinh: Row
arccosh: Row
arctanh: Row
i0: Row
absolute: Row
fabs: Row
sign: Row
copysign: Row
heaviside: Row
maximum: Row
minimum: Row
fmax: Row
fmin: Row
clip: Row
where: Row
nan_to_num: Row
floor: Row
ceil: Row
rint: Row
trunc: Row
fix: Row
round: Row
spacing: Row
nextafter: Row
frexp: _Function
ldexp: Row
real: Row
imag: Row
conjugate: Row
conj: Row
angle: Row
real_if_close: Row
sum: Row
mean: Row
var: Row
std: Row
max: Row
min: Row
amax: Row
amin: Row
ptp: Row
prod: Row
cumsum: Row
cumprod: Row
nansum: Row
nanmean: Row
nanvar: Row
nanstd: Row
nanmax: Row
nanmin: Row
nanprod: Row
nancumsum: Row
nancumprod: Row
trapezoid: Row
diff: Row
ediff1d: Row
gradient: _Function
average: _Function
median: Row
quantile: Row
percentile: Row
nanmedian: Row
nanquantile: Row
nanpercentile: Row
cov: Row
corrcoef: Row
bincount: Row
cumulative_sum: Row
cumulative_prod: Row
reshape: Row
ravel: Row
transpose: Row
permute_dims: Row
matrix_transpose: Row
swapaxes: Row
moveaxis: Row
rollaxis: Row
expand_dims: Row
squeeze: Row
broadcast_to: Row
broadcast_arrays: _Function
meshgrid: _Function
flip: Row
fliplr: Row
flipud: Row
roll: Row
rot90: Row
copy: Row
concatenate: Row
concat: Row
stack: Row
atleast_1d: _Function
atleast_2d: _Function
atleast_3d: _Function
hstack: Row
vstack: Row
dstack: Row
column_stack: Row
block: Row
append: Row
split: _Function
array_split: _Function
hsplit: _Function
vsplit: _Function
dsplit: _Function
unstack: _Function
pad: Row
array: Row
asarray: Row
astype: Row
full: Row
full_like: Row
linspace: _Function
logspace: Row
geomspace: Row
tile: Row
repeat: Row
resize: Row
delete: Row
insert: Row
trim_zeros: Row
take: Row
take_along_axis: Row
compress: Row
extract: Row
choose: Row
select: Row
diag: Row
diagonal: Row
diagflat: Row
trace: Row
tril: Row
triu: Row
sort: Row
sort_complex: Row
partition: Row
unique: _Function
unique_values: Row
unique_counts: _Function
unique_inverse: _Function
unique_all: _Function
union1d: Row
piecewise: Row
apply_along_axis: Row
apply_over_axes: Row
dot: Row
vdot: Row
inner: Row
outer: Row
tensordot: Row
einsum: Row
kron: Row
cross: Row
convolve: Row
correlate: Row
interp: Row
vander: Row
vecdot: Row
matvec: Row
vecmat: Row
polyval: Row
poly: Row
roots: Row
polyfit: Row
polyadd: Row
polysub: Row
polymul: Row
polyder: Row
polyint: Row
sigmoid: Row
log_sigmoid: Row
softplus: Row
silu: Row
relu: Row
leaky_relu: Row
elu: Row
gelu: Row
softmax: Row
log_softmax: Row
logsumexp: Row
