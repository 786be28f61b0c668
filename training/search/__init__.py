"""Search: which network to train, by gradients (DARTS) or block by block (DNA), under budgets."""
