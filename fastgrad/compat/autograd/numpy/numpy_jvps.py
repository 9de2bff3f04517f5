"""Rules are rows: see fastgrad.functions."""
