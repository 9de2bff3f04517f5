# Nothing here can be called from Python: see loops.pxd.
