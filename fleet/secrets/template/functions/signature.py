"""What a function takes, in Go's kinds.

Contract: ``Function.call`` gets the budget, then arguments that fit: the evaluator has checked number and kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fleet.secrets.template.limits import Budget
from fleet.secrets.template.values import Int64, Value


class Kind(Enum):
    """Go's type of a parameter; ``MAP`` stands for maps of strings and of anything, which Sprig tells apart."""

    ANY = "value"
    STRING = "string"
    INT = "int"
    BOOL = "bool"
    MAP = "map"
    LIST = "list"

    def fits(self, value: Value) -> bool:
        """Whether Go would pass the value."""
        match self:
            case Kind.ANY:
                return True
            case Kind.STRING:
                return isinstance(value, str)
            case Kind.INT:
                return isinstance(value, int) and not isinstance(value, (bool, Int64))
            case Kind.BOOL:
                return isinstance(value, bool)
            case Kind.MAP:
                return isinstance(value, dict)
            case Kind.LIST:
                return isinstance(value, list)


@dataclass(frozen=True, slots=True)
class Function:
    """``rest`` is the kind of any number of further arguments, None where there are none."""

    call: Callable[..., Value]
    parameters: tuple[Kind, ...]
    rest: Kind | None = None


def charged(call: Callable[..., Value], *parameters: Kind, rest: Kind | None = None) -> Function:
    """A function that charges the budget, which is its first argument."""
    return Function(call, parameters, rest)


def linear(call: Callable[..., Value], *parameters: Kind, rest: Kind | None = None) -> Function:
    """A function whose work is as large as its arguments, which the evaluator has charged, and that makes no list or map."""

    def without_budget(_: Budget, *arguments: Any) -> Value:
        return call(*arguments)

    return Function(without_budget, parameters, rest)


def listing(
    count: Callable[..., int], call: Callable[..., Value], *parameters: Kind, rest: Kind | None = None
) -> Function:
    """A function whose work is as large as its arguments, and that makes a list or map of at most ``count`` items."""

    def with_items(budget: Budget, *arguments: Any) -> Value:
        budget.make_items(count(*arguments))
        return call(*arguments)

    return Function(with_items, parameters, rest)
