"""Samples of fastgrad.functions.indexing."""

SAMPLES = []
