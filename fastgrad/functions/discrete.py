"""NumPy's functions of no chapter here: those whose result is plain, and those that are refused.

The result is plain where it does not change with the operands, but in steps, or is no number.
"""

import numpy as np

from fastgrad.op import plain, refuse

__all__ = []


def named(names, namespace=np):
    """The functions of these names; some are in some versions of NumPy only."""
    return [getattr(namespace, name) for name in names.split() if hasattr(namespace, name)]


plain(*named("array2string array_repr array_str"))
plain(*named("save savetxt savez savez_compressed"))
plain(*named("can_cast common_type isfortran isscalar iterable min_scalar_type result_type"))
plain(*named("may_share_memory shares_memory from_dlpack"))
plain(*named("packbits unpackbits"))

refuse(
    "of dates, which have no derivative",
    *named("busday_count busday_offset is_busday datetime_as_string"),
)
refuse("iterates over memory; iterate over the Variable", *named("nested_iters"))
refuse("NumPy's matrices are no longer used; use arrays, and np.block", *named("asmatrix bmat"))
refuse("NumPy renamed it, use np.vstack", *named("row_stack"))
refuse("NumPy renamed it, use np.trapezoid", *named("trapz"))
refuse("NumPy renamed it, use np.isin", *named("in1d"))
refuse(
    "real or complex, depending on the values; use NumPy's own function of the name, of x + 0j "
    "for complex results",
    *named("arccos arcsin arctanh log log10 log2 logn power sqrt", np.emath),
)

# What takes no arrays, and why it is in no group.
NOT_OF_ARRAYS = {
    "make arrays of shapes, numbers, functions, text or bytes": """
        arange empty eye frombuffer fromfunction fromiter fromstring identity ones tri zeros""",
    "window functions, of a number of points": "bartlett blackman hamming hanning kaiser",
    "frequencies, of a number of points": "fft.fftfreq fft.rfftfreq",
    "read files": "fromfile fromregex genfromtxt load loadtxt",
    "of dtypes, or of shapes": """
        broadcast_shapes datetime_data isdtype issubdtype mintypecode promote_types typename""",
    "format one number": """
        base_repr binary_repr format_float_positional format_float_scientific""",
    "make a ufunc": "frompyfunc",
    "settings, and what is known about NumPy": """
        get_include get_printoptions getbufsize geterr geterrcall info printoptions
        set_printoptions setbufsize seterr seterrcall show_config show_runtime
        test linalg.test fft.test""",
}
