"""Other people's programs, unchanged, on the real autograd or dezero and on fastgrad's front end.

`python -m tests.clients` runs them, each in a virtual environment of its own; the folder has no
tests for pytest. `records` says what each client is, `programs` has the fits that we wrote.
"""
