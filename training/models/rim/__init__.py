"""RIM's two halves: a recogniser of student and assistant, and a generator of faces.

H. Kong, J. Zhao, X. Tu, J. Xing, S. Shen, J. Feng, arXiv 1905.10777. See the README beside this.
"""

from . import generator, residual  # noqa: F401  (register)
