"""What nothing reads is gone, and every node has a name of its own."""

from __future__ import annotations

from .draft import Draft, unique


def run(draft: Draft) -> None:
    """Drops nodes and constants without readers, then names the nodes."""
    read = {value.name for value in draft.outputs}
    kept = []
    for node in reversed(draft.nodes):
        if any(name in read for name in node.output):
            read.update(node.input)
            kept.append(node)
    draft.nodes = kept[::-1]
    draft.constants = {name: x for name, x in draft.constants.items() if name in read}
    held = {*read, *(name for node in draft.nodes for name in node.output)}
    draft.value_info = [value for value in draft.value_info if value.name in held]
    own: set[str] = set()
    nameless = []
    for node in draft.nodes:
        if node.name and node.name not in own:
            own.add(node.name)
        else:
            nameless.append(node)
    for node in nameless:
        node.name = unique(node.name or node.output[0], own)
