"""What a Cluster's status says: who it is, its version, whether it answers; reachability stands here only.

Contract: pure; no time in it moves by itself: while a cluster answers, nothing is written (H12).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fleet import duration
from fleet.clusters import supported
from fleet.model import Fault, Hold, Holding, Reach
from fleet.report import conditions, standing, words
from fleet.report.conditions import Condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.api.cluster import Cluster

REGISTRATION_INVALID: Final = "RegistrationInvalid"
VERSION_UNSUPPORTED: Final = "VersionUnsupported"
CREDENTIAL_EXPIRED: Final = "CredentialExpired"
NOT_RENEWED: Final = "CredentialNotRenewed"
_REFUSED: Final = "Forbidden"


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """What is known of the credential in use, in seconds: when it ends, for how long it was granted (0: unknown).

    ``rotated``: the request for a new one that it answers; ``problem``: why none could be had. ``revoked`` and
    ``voided``: the request to revoke that was acted on last, and the registration that it was done to.
    """

    expires: float = 0.0
    lifetime: float = 0.0
    rotated: str = ""
    problem: str = ""
    revoked: str = ""
    voided: str = ""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What a Cluster's status is made of.

    ``registration``: the resourceVersion of the registration Secret that the present connection was made
    from, so that `fleethub cluster add` can tell that the hub has reached the member with the new one. ``other``:
    who answers instead of ``identity``; ``taken_over``: the word for a take-over that has been used.
    """

    reach: Reach | None = None
    identity: str = ""
    server: str = ""
    registration: str = ""
    other: str = ""
    taken_over: str = ""
    faults: tuple[Fault, ...] = ()
    holds: tuple[Holding, ...] = ()
    credential: CredentialFacts = CredentialFacts()


def cluster_status(
    cluster: Cluster, facts: ClusterFacts, *, now: float, previous: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give the whole status of a Cluster; ``previous`` as in `summary.status`."""
    before = cluster.status if previous is None else previous
    lost = _expired(cluster.metadata.name, facts, now)
    if lost is not None:
        facts = replace(facts, faults=(*facts.faults, lost))
    generation = cluster.metadata.generation
    told: dict[str, Any] = {
        "observedGeneration": generation,
        "conditions": conditions.dated(
            _conditions(facts, paused=cluster.spec.paused),
            before.get("conditions"),
            generation=generation,
            now=now,
        ),
    }
    # A cluster that does not answer is still who it was.
    known = {
        "identity": facts.identity or before.get("identity"),
        "version": (facts.reach.version if facts.reach else "") or before.get("version"),
        "server": facts.server or before.get("server"),
        "registration": facts.registration or before.get("registration"),
        "otherIdentity": facts.other,
        "takenOver": facts.taken_over or before.get("takenOver"),
        **_credential(facts.credential),
    }
    told.update({key: value for key, value in known.items() if value})
    return told


def _credential(held: CredentialFacts) -> dict[str, str]:
    return {
        "credentialExpires": words.stamp(held.expires) if held.expires else "",
        "credentialLifetime": duration.write(held.lifetime) if held.lifetime else "",
        "rotated": held.rotated,
        "revoked": held.revoked,
        "revokedRegistration": held.voided,
    }


def _expired(name: str, facts: ClusterFacts, now: float) -> Fault | None:
    """That the credential has ended, where the cluster refuses it."""
    held, reach = facts.credential, facts.reach
    refused = reach is not None and not reach.reachable and reach.reason == _REFUSED
    if not refused or not held.expires or held.expires > now:
        return None
    return Fault(
        None,
        CREDENTIAL_EXPIRED,
        f"what the hub signs in with ended {words.stamp(held.expires)}, as after a stop of the hub that was longer. "
        f"'fleethub cluster rotate {name} --member-kubeconfig FILE' lets it in again, with the kubeconfig of an "
        "administrator of the cluster; 'fleethub cluster repair --kubeconfigs DIR' many at once",
    )


def _conditions(facts: ClusterFacts, *, paused: bool) -> Iterator[Condition]:
    left = any(holding.hold is Hold.CLEANED for holding in facts.holds)
    reach = None if left else facts.reach
    reachable = reach.reachable if reach is not None else None
    hard = [fault for fault in facts.faults if not fault.transient]
    blocked = [holding for holding in facts.holds if holding.hold in standing.STUCK]
    if left:
        yield Condition(
            conditions.REACHABLE,
            "Unknown",
            Hold.CLEANED.value,
            "The hub has left it and does not connect to it",
        )
    else:
        yield Condition(conditions.REACHABLE, conditions.word(reachable), _reason(reach), _reach_words(reach))
    if facts.faults:
        first = min(facts.faults, key=lambda fault: fault.transient)
        ready = Condition(conditions.READY, "False", first.reason, words.of_fault(first))
    elif facts.holds:
        ready = Condition(
            conditions.READY, "False", facts.holds[0].hold.value, words.of_holding(facts.holds[0])
        )
    else:
        ready = Condition(conditions.READY, conditions.word(reachable), _reason(reach), _reach_words(reach))
    yield ready
    stuck = [words.of_fault(fault) for fault in hard] + [words.of_holding(holding) for holding in blocked]
    yield Condition(
        conditions.STALLED,
        conditions.word(bool(stuck)),
        "NeedsAttention" if stuck else "NotStalled",
        words.joined(("", text) for text in stuck),
    )
    moving = not stuck and not left and reachable is not True
    yield Condition(conditions.RECONCILING, conditions.word(moving), "Connecting" if moving else "Settled")
    if paused:
        yield Condition(Hold.PAUSED.value, "True", "Paused", "Nothing is written to this cluster")
    if reach is not None and reach.version and (said := supported.said(reach.version)):
        yield Condition(VERSION_UNSUPPORTED, "True", VERSION_UNSUPPORTED, said)
    by_type: dict[str, list[str]] = {}
    for fault in facts.faults:
        by_type.setdefault(words.reason(fault.reason), []).append(words.of_fault(fault))
    for holding in facts.holds:
        if not (paused and holding.hold is Hold.PAUSED):
            by_type.setdefault(holding.hold.value, []).append(words.of_holding(holding))
    if facts.credential.problem:
        by_type.setdefault(NOT_RENEWED, []).append(facts.credential.problem)
    for kind, texts in by_type.items():
        yield Condition(kind, "True", kind, words.joined(("", text) for text in texts))


def _reason(reach: Reach | None) -> str:
    if reach is None:
        return "NotYetTried"
    return "Reached" if reach.reachable else reach.reason or "NoAnswer"


def _reach_words(reach: Reach | None) -> str:
    if reach is None:
        return "The hub has not tried this cluster yet"
    if reach.reachable:
        return "The API server answers"
    seen = f"; last answer {words.stamp(reach.seen)}" if reach.seen else ""
    return f"{reach.text or 'No answer'}{seen}"
