"""Conditions in the form of Kubernetes' ``metav1.Condition``, read by kstatus and ``kubectl wait``."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from fleet.api.shape import Model, Number


class Truth(StrEnum):
    """The three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One aspect of an object's state."""

    type: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", max_length=316)
    ] = Field(description="Which aspect: Ready, Reconciling, Stalled and others.")
    status: Truth = Field(description="True, False or Unknown.")
    observed_generation: Annotated[Number, Field(ge=0)] = Field(
        default=0, description="The generation of the object that the condition was made from."
    )
    last_transition_time: str = Field(
        description="When the status of the condition last changed.",
        json_schema_extra={"format": "date-time"},
    )
    reason: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", max_length=1024)
    ] = Field(description="A word for programs that says why.")
    message: Annotated[str, StringConstraints(max_length=32768)] = Field(
        description="A sentence for people; it holds no value of a manifest."
    )


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]
