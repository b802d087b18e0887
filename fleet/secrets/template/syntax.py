"""The syntax tree of a template.

Contract: frozen values that hold the template's own text and nothing computed. Lines count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, truth value, or nil; a character is its number."""

    value: str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class Dot:
    """The cursor."""


@dataclass(frozen=True, slots=True)
class Variable:
    """``$`` or ``$x``, with its sign."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Fields:
    """``.a.b`` of what another operand gives."""

    of: Operand
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function by its name, with the arguments that are written out."""

    name: str
    arguments: tuple[Operand, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``$x := first | call | call``: each call gets what comes before as its last argument."""

    first: Operand
    calls: tuple[Call, ...]
    variables: tuple[str, ...]
    assigns: bool
    line: int


Operand: TypeAlias = Literal | Dot | Variable | Fields | Call | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    """What is copied."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose value is written, unless it goes into a variable."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """A body and what must be true for it."""

    pipeline: Pipeline
    body: Body


@dataclass(frozen=True, slots=True)
class Conditional:
    """``if`` or ``with`` (which moves the cursor): the first branch that is true, else ``otherwise``."""

    branches: tuple[Branch, ...]
    otherwise: Body
    moves: bool


@dataclass(frozen=True, slots=True)
class Range:
    """A body for each item; ``otherwise`` if there is none."""

    pipeline: Pipeline
    body: Body
    otherwise: Body


class Jump(Enum):
    """What leaves a turn of a loop."""

    BREAK = "break"
    CONTINUE = "continue"


Node: TypeAlias = Text | Action | Conditional | Range | Jump
Body: TypeAlias = tuple[Node, ...]
