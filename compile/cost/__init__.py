"""What the blocks of a search space cost on a target: measured once, kept as tables of JSON."""
