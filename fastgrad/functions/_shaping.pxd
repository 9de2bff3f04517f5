"""Fast paths of reshape and transpose. Their rows are in functions/shaping.py."""
