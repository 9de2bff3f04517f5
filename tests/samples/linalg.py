"""Samples of fastgrad.functions.linalg."""

SAMPLES = []
