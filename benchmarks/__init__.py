"""The benchmarks: the seed's algorithm as the baseline, the workloads, and what runs them.

`python -m benchmarks`                     throughput, memory, training: one table, one plot
`python -m benchmarks.peers`               beside other libraries: tables, JSON, a plot
`python -m benchmarks.guard`               what became slower since a revision or a stored run
`python -m benchmarks.instructions`        instructions an operation, by valgrind
`python -m benchmarks.digits`              the training alone
`python -m benchmarks.stress`              graphs of 10^7 nodes, in a child process
`python -m benchmarks.calls`               single calls beside NumPy's
`pytest benchmarks/bench_throughput.py`    the workloads under pytest-benchmark
"""
