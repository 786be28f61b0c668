"""DARTS as PocketNet did it: one network that holds every cell, and weights of its edges.

H. Liu, K. Simonyan, Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, arXiv
1806.09055; F. Boutros et al., "PocketNet", arXiv 2108.10710, section 3.1.
"""
