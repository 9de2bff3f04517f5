"""NumPy's loops, memory and threads, compiled: what knows nothing of graphs."""
