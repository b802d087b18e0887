"""An Application's sync policy -> the Policy that its targets carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.api.application import Handling
from fleet.model import Option, Policy, Retry, SecretModes, Thresholds, Walls, Withdrawal

if TYPE_CHECKING:
    from fleet.api.application import Application, Automated

_SYNC_OPTIONS: Final = {"CreateNamespace=true": Option.CREATE_NAMESPACE}


def policy(application: Application, walls: Walls, guard: Thresholds) -> Policy:
    """How each target of the Application is kept; without AUTOMATED a person says when to sync.

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
        secrets=SecretModes(sealed=application.spec.secrets.sealed is Handling.RESOLVE),
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


def withdrawal(application: Application) -> Withdrawal:
    """What becomes of its objects when a target goes."""
    return Withdrawal(application.spec.deletion_policy.value)


def _automated(automated: Automated) -> set[Option]:
    chosen = {
        Option.PRUNE: automated.prune,
        Option.SELF_HEAL: automated.self_heal,
        Option.STRICT: automated.strict,
        Option.ALLOW_EMPTY: automated.allow_empty,
    }
    return {option for option, on in chosen.items() if on}
