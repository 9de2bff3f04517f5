# Nothing here can be called from Python: see graph.pxd.
