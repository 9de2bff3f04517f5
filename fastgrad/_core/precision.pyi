# Nothing here can be called from Python: see precision.pxd.
