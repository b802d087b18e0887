"""How much the templates of one Secret may do, all of them together.

Contract: every amount is charged before the work is done. ``WORK`` is what keeps time and memory linear: each
function is charged what it reads and what it makes, so neither a large string used often nor a list that holds
itself a thousand times costs more than a few seconds.
"""

from __future__ import annotations

from typing import Final

from fleet.secrets.template.errors import Fault
from fleet.secrets.template.values import Value

TEMPLATE: Final = 256 * 1024  # bytes of a template's text
OUTPUT: Final = 1024 * 1024  # bytes of the result, and of any one string: etcd takes no larger Secret
STEPS: Final = 100_000
DEPTH: Final = 64  # of actions and parentheses, and of lists and maps in each other
WORK: Final = 16 * 1024 * 1024  # characters and items that are read and made
VARIABLES: Final = 256  # in scope at once: each look-up goes through them
_ENTRY: Final = 16  # what an item of a list or map costs beside its characters


class Budget:
    """What the templates of one Secret have left."""

    __slots__ = ("_output", "_steps", "_work")

    def __init__(self) -> None:
        self._steps = STEPS
        self._work = WORK
        self._output = OUTPUT

    def step(self) -> None:
        """Count one action, operand, call or turn of a loop."""
        self._steps -= 1
        if self._steps < 0:
            raise Fault(f"it takes more than {STEPS} steps")

    def charge(self, amount: int) -> None:
        """Count that many characters or items that are about to be read."""
        self._work -= amount
        if self._work < 0:
            raise Fault("it does more work than a template may")

    def write(self, amount: int) -> None:
        """Count bytes of the result."""
        self._output -= amount
        if self._output < 0:
            raise Fault(f"it writes more than {OUTPUT} bytes")

    def make(self, amount: int) -> None:
        """Count a string of so many characters that is about to be made."""
        if amount > OUTPUT:
            raise Fault(f"it makes more than {OUTPUT} characters at once")
        self.charge(amount)

    def make_items(self, count: int) -> None:
        """Count a list or map of so many items that is about to be made."""
        if _ENTRY * count > OUTPUT:
            raise Fault(f"it makes more than {OUTPUT // _ENTRY} items at once")
        self.charge(_ENTRY * count)

    def look(self, value: Value) -> None:
        """Count the value itself, not what it holds."""
        if isinstance(value, (str, list, dict)):
            self.charge(len(value))

    def order(self, of: dict[str, Value]) -> None:
        """Count a map whose keys are about to be put in order."""
        self.charge(_amount(of))

    def walk(self, value: Value) -> None:
        """Count the value with all that it holds, as often as it holds it, for those who go through all of it."""
        whole = 0
        level: list[Value] = [value]
        for _ in range(DEPTH + 1):
            below: list[Value] = []
            for one in level:
                amount = _amount(one)
                whole += amount
                if whole > OUTPUT:
                    raise Fault("a value unfolds to more than a template may go through")
                self.charge(amount)
                if isinstance(one, list):
                    below.extend(one)
                elif isinstance(one, dict):
                    below.extend(one.values())
            if not below:
                return
            level = below
        raise Fault(f"lists and maps are nested more than {DEPTH} deep")


def _amount(value: Value) -> int:
    match value:
        case str():
            return len(value)
        case list():
            return _ENTRY * len(value)
        case dict():
            return _ENTRY * len(value) + sum(map(len, value))
        case _:
            return 1
