"""The benchmarks: the seed's algorithm as the baseline, the workloads, and what runs them.

`python -m benchmarks`                     throughput, memory, training: one table, one plot
`python -m benchmarks.digits`              the training alone
`python -m benchmarks.stress`              graphs of 10^7 nodes, in a child process
`pytest benchmarks/bench_throughput.py`    the same workloads under pytest-benchmark
"""
