"""Plans as `EXPLAIN (FORMAT JSON)` gives them."""

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]


def nodes(root: Node) -> Iterator[Node]:
    """The root and all below it, from the top."""
    yield root
    for child in root.get("Plans", ()):
        yield from nodes(child)


def changed_reader(best: Node, without: Node) -> str:
    """The topmost node that reads a table in another way without the index: with → without."""
    after = dict(reversed(list(_readers(without))))
    changes = (
        f"{reader} → {after[table]}"
        for table, reader in _readers(best)
        if after.get(table, reader) != reader
    )
    return next(changes, "")


def _readers(root: Node) -> Iterator[tuple[str, str]]:
    """Tables by their alias in the query, and the nodes that read them, from the top."""
    return ((node["Alias"], named(node)) for node in nodes(root) if "Relation Name" in node)


def named(node: Node) -> str:
    """A node as people speak of it, such as `Seq Scan on orders_2026_01`."""
    on = node.get("Index Name") or node.get("Relation Name")
    return f"{node['Node Type']} on {on}" if on else str(node["Node Type"])
