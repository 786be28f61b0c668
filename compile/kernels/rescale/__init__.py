"""Element-wise rescales in 16-bit words, one family a file."""
