# Nothing here can be called from Python: see slabs.pxd.
