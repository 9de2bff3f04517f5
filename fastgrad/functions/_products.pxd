"""The mathematics of @: of matrices and vectors by the loop of NumPy's matmul, which calls BLAS.

Around a product of small matrices np.matmul spends 0.6 us.
"""

from fastgrad._core.node cimport Rule

cdef Rule matmul_rule
