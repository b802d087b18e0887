"""``status`` of an Application: what the hub writes there, small and in the form that kstatus reads (H12)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from fleet.api.conditions import Conditions
from fleet.api.shape import ATOMIC_LIST, Flag, Model, Number
from fleet.model import Health, Sync

PROBLEMS_MAX = 50
PROBLEM_MAX = 100

Count = Annotated[Number, Field(ge=0)]
Word = Annotated[str, StringConstraints(max_length=256)]
HealthWord = StrEnum("HealthWord", {health.name: health.word for health in Health})  # type: ignore[misc]


class Targets(Model):
    """How many clusters the Application is on, and how it stands there."""

    total: Count = Field(default=0, description="Clusters that it is placed on.")
    synced: Count = Field(default=0, description="Of these, those that are as Git wants them.")
    healthy: Count = Field(default=0, description="Of these, those where it is healthy.")


class LastSync(Model):
    """The last sync that somebody asked for."""

    request: Word = Field(default="", description="Name of the request, as its annotation gave it.")
    revision: Word = Field(default="", description="The commit that was asked for.")
    prune: Flag = Field(default=False, description="Whether pruning was asked for.")
    by: Word = Field(default="", description="Who asked, as the request says.")
    at: Word = Field(default="", description="When it was asked.")
    phase: Word = Field(
        default="", description="Running until every cluster has answered, then Succeeded or Failed."
    )


class Confirmed(Model):
    """A set of deletions that somebody let through, as it was written down before the first of them."""

    digest: Word = Field(default="", description="Name of exactly that set.")
    purpose: Word = Field(default="", description="The render that it was judged for, or deletion.")
    clusters: tuple[Word, ...] = Field(
        default=(),
        max_length=2000,
        description="Clusters of which something was in it.",
        json_schema_extra=ATOMIC_LIST,
    )


class ApplicationStatus(Model):
    """How the Application stands; the hub alone writes it."""

    observed_generation: Count = Field(
        default=0, description="The generation of the object that the status was made from."
    )
    revision: Word = Field(
        default="", description="The commit at which what this Application reads last changed."
    )
    healthy_since: Word = Field(
        default="",
        description="Since when all clusters are synced and healthy at this revision and render; absent while any is not.",
    )
    sync: Sync = Field(default=Sync.UNKNOWN, description="Whether all clusters are as Git wants them.")
    health: HealthWord = Field(
        default=HealthWord(Health.UNKNOWN.word), description="The worst health among its clusters."
    )
    targets: Targets = Field(
        default_factory=Targets, description="How many clusters it is on, and how it stands there."
    )
    clusters: Word = Field(default="", description="Clusters on which it is synced and healthy, of all: 3/3.")
    problems: tuple[Annotated[str, StringConstraints(max_length=PROBLEM_MAX)], ...] = Field(
        default=(),
        max_length=PROBLEMS_MAX,
        description="A line for each cluster that is not synced and healthy; the hub's API has the detail.",
        json_schema_extra=ATOMIC_LIST,
    )
    last_sync: LastSync = Field(
        default_factory=LastSync, description="The last sync that somebody asked for."
    )
    deletion_held: tuple[Word, ...] = Field(
        default=(),
        max_length=16,
        description="Digests of the sets whose deletion waits for a word; fleethub app confirm gives it.",
        json_schema_extra=ATOMIC_LIST,
    )
    confirmed: Confirmed = Field(
        default_factory=Confirmed, description="The set of deletions that somebody let through last."
    )
    render: Word = Field(
        default="", description="Digest of what was rendered, by which a restarted hub knows the revision."
    )
    renderer: Word = Field(
        default="", description="Program and version that rendered it; empty for plain manifests."
    )
    conditions: Conditions = Field(
        default=(), description="Ready, Reconciling, Stalled and what explains them."
    )
