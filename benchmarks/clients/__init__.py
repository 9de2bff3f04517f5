"""Programs written for autograd and DeZero, timed on these and on fastgrad's front ends."""
