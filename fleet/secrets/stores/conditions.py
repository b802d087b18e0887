"""Which namespaces a ClusterSecretStore serves: its ``conditions``, any one of which is enough.

Contract: pure. The namespace is that on the destination cluster. A selector of labels needs the namespace's labels;
where nobody knows them, it is told rather than taken to match or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.secrets.stores import pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.secrets.fields import Node
    from fleet.secrets.stores.pattern import Pattern

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
_WITH_VALUES: Final = ("In", "NotIn")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement on a label, with Kubernetes' meaning."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it; NotIn holds for an absent label too."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Condition:
    """Namespaces by name, by pattern, or by labels (None: not asked for)."""

    namespaces: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    selector: tuple[Requirement, ...] | None = None


def read(nodes: tuple[Node, ...]) -> tuple[Condition, ...]:
    """Read the conditions. Raises SecretRefused."""
    return tuple(_condition(node) for node in nodes)


def serves(
    conditions: tuple[Condition, ...], namespace: str, labels: Mapping[str, str] | None
) -> bool | None:
    """Whether a namespace is served; None where that hangs on labels which are not known."""
    if not conditions:
        return True
    for one in conditions:
        if namespace in one.namespaces or any(pattern.matches(namespace) for pattern in one.patterns):
            return True
    selectors = [one.selector for one in conditions if one.selector is not None]
    if labels is None:
        return None if selectors else False
    return any(all(requirement.holds(labels) for requirement in selector) for selector in selectors)


def _condition(node: Node) -> Condition:
    node.only(("namespaces", "namespaceRegexes", "namespaceSelector"))
    patterns = []
    for number, text in enumerate(node.words("namespaceRegexes")):
        try:
            patterns.append(pattern.read(text))
        except ValueError as error:
            raise node.refused(f"namespaceRegexes[{number}]", str(error)) from None
    selector = (
        None if node.held.get("namespaceSelector") is None else _selector(node.below("namespaceSelector"))
    )
    return Condition(node.words("namespaces"), tuple(patterns), selector)


def _selector(node: Node) -> tuple[Requirement, ...]:
    node.only(("matchLabels", "matchExpressions"))
    found = [Requirement(key, "In", (value,)) for key, value in sorted(node.texts("matchLabels").items())]
    for one in node.items("matchExpressions"):
        one.only(("key", "operator", "values"))
        operator = one.choice("operator", _OPERATORS, "")
        values = one.words("values")
        if (operator in _WITH_VALUES) != bool(values):
            raise one.refused("values", "are needed by In and NotIn, and by nothing else")
        found.append(Requirement(one.needed("key"), operator, values))
    return tuple(found)
