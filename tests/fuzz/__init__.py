"""Random programs: a state machine over the public API, and compositions of the rows.

A bounded part runs as tests (`test_fuzz.py`); `python -m tests.fuzz --hours 2` goes on for as long
as it is told. What was found is in `test_fuzz_found.py`.
"""
