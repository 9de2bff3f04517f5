"""Fast paths of sum and mean. Their rows are in functions/reductions.py."""
