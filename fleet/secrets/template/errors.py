"""What a template may fail with.

Contract: the text names the template, a line, a function, an action or a key that is written in the template, and
nothing that was computed: the values are secrets, and templates are written by people who may not read them.
A reader of errors still learns *that* a line was reached, and so one bit of what the template asked before it.
"""

from __future__ import annotations

from typing import Final

from fleet.errors import FleetError

_SHOWN: Final = 64


class TemplateRefused(FleetError):
    """The template does not parse, or uses what this engine leaves out; trying other values does not help."""

    reason = "TemplateRefused"


class TemplateFailed(FleetError):
    """The template cannot be evaluated over these values: a missing key, a wrong type, a limit."""

    reason = "TemplateFailed"


class Fault(Exception):
    """A reason to stop, inside this package: the constant ``text``, and the line from 1, 0 where not yet known."""

    kind: type[FleetError] = TemplateFailed

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class Refusal(Fault):
    """The template itself is at fault."""

    kind = TemplateRefused


class KeyMissing(Fault):
    """A function looked for a key that is not there; ``argument`` says which of its arguments named it.

    The function does not name the key, since it may be computed from a secret. Only the evaluator sees whether
    it is written in the template.
    """

    def __init__(self, argument: int) -> None:
        super().__init__("there is no such key")
        self.argument = argument


def shown(name: str) -> str:
    """A name of the template's text, quoted, and short enough for a condition."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
