"""Passes along an axis, for the rules in functions/reductions.py and functions/statistics.py."""
