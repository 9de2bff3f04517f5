"""What programs write their own rules with."""
