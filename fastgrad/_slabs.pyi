# Nothing here can be called from Python: see _slabs.pxd.
