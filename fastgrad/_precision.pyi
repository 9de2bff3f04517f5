# Nothing here can be called from Python: see _precision.pxd.
