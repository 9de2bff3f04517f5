"""Fast paths of the functions that small graphs are made of: exp log sqrt square tanh sin cos.

Their rows, in functions/elementwise.py, say what they compute; test_rows.py holds the two equal.
"""
