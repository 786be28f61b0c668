"""Block-wise search as DNA does it: each block learns the teacher's features by itself, then rates.

C. Li, J. Peng, L. Yuan, G. Wang, X. Liang, L. Lin, X. Chang, "Blockwisely Supervised Neural
Architecture Search with Knowledge Distillation", CVPR 2020, arXiv 1911.13053.
"""
