"""An Application's sync policy -> the Policy that its targets carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet import names
from fleet.api.application import Handling, PlaceholderHandling
from fleet.model import Option, Policy, Retry, SecretModes, Thresholds, Walls, Withdrawal

if TYPE_CHECKING:
    from fleet.api.application import Application, Automated
    from fleet.api.cluster import Cluster

_SYNC_OPTIONS: Final = {"CreateNamespace=true": Option.CREATE_NAMESPACE}


def policy(
    application: Application, walls: Walls, guard: Thresholds, cluster: Cluster | None = None
) -> Policy:
    """How a target of the Application is kept; without AUTOMATED a person says when to sync.

    ``guard`` is the hub's own, for Applications that say nothing of it.
    """
    asked = application.spec.sync_policy
    options = {_SYNC_OPTIONS[option] for option in asked.sync_options}
    if asked.automated is not None:
        options |= {Option.AUTOMATED, *_automated(asked.automated)}
    backoff = asked.retry.backoff
    retry = Retry(
        limit=asked.retry.limit,
        duration=backoff.duration,
        factor=float(backoff.factor),
        # Where one of the two is given and the other a default, the longer is meant.
        maximum=max(backoff.duration, backoff.max_duration),
    )
    return Policy(
        frozenset(options),
        frozenset(asked.adopt),
        retry=retry,
        guard=thresholds(application, guard),
        walls=walls,
        secrets=secret_modes(application, cluster),
    )


def secret_modes(application: Application, cluster: Cluster | None) -> SecretModes:
    """Which forms of a Secret the hub resolves on a cluster: what both the Application and the Cluster leave to it."""
    asked = application.spec.secrets
    left = cluster.spec.secrets if cluster is not None else None
    return SecretModes(
        sealed=asked.sealed is Handling.RESOLVE and (left is None or left.sealed is None),
        external=asked.external is Handling.RESOLVE and (left is None or left.external is None),
        placeholders=asked.placeholders is PlaceholderHandling.RESOLVE,
        restart=application.metadata.annotations.get(names.RESTART) == "true",
    )


def thresholds(application: Application, guard: Thresholds) -> Thresholds:
    """How much of the Application one change may delete unconfirmed."""
    asked = application.spec.sync_policy.deletion_guard
    if asked is None:
        return guard
    return Thresholds(
        guard.percent if asked.percent is None else asked.percent,
        guard.count if asked.count is None else asked.count,
    )


def withdrawal(word: str | None) -> Withdrawal | None:
    """What becomes of its objects when a target goes, by its ``deletionPolicy``; None where that is no known word."""
    return Withdrawal(word) if word in tuple(Withdrawal) else None


def _automated(automated: Automated) -> set[Option]:
    chosen = {
        Option.PRUNE: automated.prune,
        Option.SELF_HEAL: automated.self_heal,
        Option.STRICT: automated.strict,
        Option.ALLOW_EMPTY: automated.allow_empty,
    }
    return {option for option, on in chosen.items() if on}
