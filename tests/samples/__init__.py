"""The table of samples: what each differentiable function is tested with, a file per chapter.

`tests/rows/test_rows.py` turns each sample into tests of the value, of first and second
derivatives, of dtypes and of memory layouts. A function without a sample fails there.
"""
