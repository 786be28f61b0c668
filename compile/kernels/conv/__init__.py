"""Dense, grouped and 1x1 convolutions, one family a file."""
