"""Register tiles of kernels: tables of tuned ones, and the candidates of a search."""
