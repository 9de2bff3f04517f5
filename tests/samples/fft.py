"""Samples of fastgrad.functions.fft."""

SAMPLES = []
