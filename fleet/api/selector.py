"""Label selectors with Kubernetes' meaning: all requirements hold, and the empty selector takes everything."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, StringConstraints

from fleet.api.rules import Rule, Ruled
from fleet.api.shape import ATOMIC_LIST, ATOMIC_MAP, Model

_PREFIX = r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
KEY = rf"^{_PREFIX}[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"

LabelKey = Annotated[str, StringConstraints(pattern=KEY, min_length=1, max_length=317)]
LabelValue = Annotated[str, StringConstraints(pattern=VALUE, max_length=63)]


class Operator(StrEnum):
    """How a requirement's values are meant."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


_WITH_VALUES = frozenset({Operator.IN, Operator.NOT_IN})


class Requirement(Ruled, Model):
    """One requirement on a label."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
            "In and NotIn need values; Exists and DoesNotExist have none",
            lambda self: (self.operator in _WITH_VALUES) == bool(self.values),
        ),
    )

    key: LabelKey = Field(description="Key of the label.")
    operator: Operator = Field(
        description="In and NotIn compare with values (NotIn holds for an absent label too); Exists and "
        "DoesNotExist ask for the key alone."
    )
    values: tuple[LabelValue, ...] = Field(
        default=(),
        max_length=256,
        description="Values that In and NotIn compare with.",
        json_schema_extra=ATOMIC_LIST,
    )


class LabelSelector(Model):
    """Selects by labels; an empty selector selects everything."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    match_labels: Mapping[str, LabelValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Labels that must be there with exactly these values.",
    )
    match_expressions: tuple[Requirement, ...] = Field(
        default=(),
        max_length=64,
        description="Further requirements; all of them must hold.",
        json_schema_extra=ATOMIC_LIST,
    )


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether every requirement of the selector holds for the labels."""
    if not selector.match_labels.items() <= labels.items():
        return False
    # Most selectors have none; this is asked for each Application and cluster.
    expressions = selector.match_expressions
    return not expressions or all(_holds(requirement, labels) for requirement in expressions)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case Operator.IN:
            return labels.get(requirement.key) in requirement.values
        case Operator.NOT_IN:
            return labels.get(requirement.key) not in requirement.values
        case Operator.EXISTS:
            return requirement.key in labels
        case Operator.DOES_NOT_EXIST:
            return requirement.key not in labels
