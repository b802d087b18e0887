"""The public verb: templates' texts over values."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.errors import FleetError
from fleet.secrets.template.errors import Fault, TemplateFailed
from fleet.secrets.template.functions.table import NAMES, refusal
from fleet.secrets.template.limits import Budget
from fleet.secrets.template.parse import parse
from fleet.secrets.template.run import run
from fleet.secrets.template.values import Value, admitted


def render(text: str, values: Mapping[str, object], *, name: str) -> bytes:
    """What one template makes of the values; see ``Rendering``."""
    return Rendering(values).render(text, name=name)


class Rendering:
    """The templates of one Secret, over the same values; what they may do is for all of them together.

    Values are strings, bytes, truth values, numbers, None, and lists and maps of these.
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        self._given = values
        self._values: dict[str, Value] | None = None
        self._budget = Budget()

    def render(self, text: str, *, name: str) -> bytes:
        """What the template makes of the values; ``name`` is what errors call it.

        The result is bytes: a value of a Secret need not be text. A key that is missing is an error. Raises
        ``TemplateRefused`` and ``TemplateFailed``, whose text, cause and context hold nothing of the values.
        """
        failure: FleetError
        try:
            body = parse(text, NAMES, refusal)
            if self._values is None:
                self._values = _admitted(self._given)
            return run(body, self._values, self._budget)
        except Fault as fault:
            line = f", line {fault.line}" if fault.line else ""
            failure = fault.kind(f"template {name}{line}: {fault.text}")
        except Exception:  # noqa: BLE001 (its text may hold values; too deep a stack and too little memory come here)
            failure = TemplateFailed(f"template {name}: it cannot be evaluated")
        # Raised out here, since an error that is raised while another is handled carries that one as its context.
        raise failure


def _admitted(values: Mapping[str, object]) -> dict[str, Value]:
    admission = admitted(values)
    if not isinstance(admission, dict):
        raise Fault("the values are no map")
    return admission
