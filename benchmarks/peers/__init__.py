"""The suite: fastgrad beside its peers, each measured in a process of its own.

`tasks.py` says what is measured, `kinds.py` how one library does it, `worker.py` runs that in
another process, `rounds.py` lets the libraries take turns, `store.py`, `table.py` and `plot.py`
show what came of it.
"""
