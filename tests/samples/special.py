"""Samples of fastgrad.functions.special."""

SAMPLES = []
