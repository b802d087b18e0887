"""How large a file, and what it unfolds to, may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one file.

    ``nodes`` counts keys, values and containers of all its documents together, an alias as often as what it
    stands for; ``depth`` counts nested containers. etcd takes objects of 1.5 MiB, so 5 MiB is a large bundle.
    """

    size: int = 5 * 1024 * 1024
    documents: int = 10_000
    nodes: int = 500_000
    depth: int = 100


class Refused(Exception):
    """A document breaks a rule: ``text`` fit for a condition, ``line`` from 0 within the text given."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class Budget:
    """The nodes that a file may still have; shared by its documents."""

    __slots__ = ("depth", "nodes")

    def __init__(self, limits: Limits) -> None:
        self.nodes = limits.nodes
        self.depth = limits.depth

    def copy(self, value: object, depth: int, line: int) -> object:
        """A copy of what an alias stands for, charged node by node, so that a bomb ends early."""
        self.nodes -= 1
        if self.nodes < 0:
            raise Refused(MANY, line)
        if type(value) is dict:
            self.check(depth, line)
            self.nodes -= len(value)
            return {key: self.copy(item, depth + 1, line) for key, item in value.items()}
        if type(value) is list:
            self.check(depth, line)
            return [self.copy(item, depth + 1, line) for item in value]
        return value

    def check(self, depth: int, line: int) -> None:
        """Refuse a container that would stand at that depth, the outermost at 1."""
        if depth > self.depth:
            raise Refused(DEEP.format(self.depth), line)


MANY = "it unfolds to more values than are allowed (aliases count as what they stand for)"
DEEP = "it is nested more than {} deep"
