"""Fast paths of maximum, minimum and where, whose gradients are those of the operand chosen."""
