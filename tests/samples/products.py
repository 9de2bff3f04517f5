"""Samples of fastgrad.functions.products."""

SAMPLES = []
