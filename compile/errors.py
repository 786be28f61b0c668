"""The compiler's one exception: what is wrong with the model, where, and what to do next."""


class CompileError(ValueError):
    """The model or the request cannot be compiled; the message names file, node and remedy."""
