"""What a target carries of its Application's sync policy."""

from __future__ import annotations

from typing import Any

from fleet.model import Option, Policy, Retry, Thresholds, Walls, Withdrawal
from fleet.placement.policy import policy, withdrawal
from tests.unit.placement.fleet import application

WALLS = Walls(project="team")


def made(**sync: Any) -> Policy:
    return policy(application(placement={"clusters": ["eu-1"]}, syncPolicy=sync), WALLS, Thresholds())


def test_without_automated_a_person_says_when() -> None:
    assert made() == Policy(walls=WALLS)


def test_what_it_does_not_say_of_the_guard_is_the_hubs() -> None:
    assert made(deletionGuard={"count": 9}).guard == Thresholds(percent=20, count=9)


def test_each_switch_is_an_option() -> None:
    assert made(automated={}).options == {Option.AUTOMATED}
    assert made(automated={"prune": True, "selfHeal": True, "allowEmpty": True}).options == {
        Option.AUTOMATED,
        Option.PRUNE,
        Option.SELF_HEAL,
        Option.ALLOW_EMPTY,
    }
    assert Option.STRICT in made(automated={"strict": True}).options
    assert made(syncOptions=["CreateNamespace=true"]).options == {Option.CREATE_NAMESPACE}


def test_the_tools_that_may_be_adopted_from_are_named() -> None:
    assert made(adopt=["helm", "flux"]).adopt == {"helm", "flux"}
    assert made().adopt == frozenset()


def test_retries_are_in_seconds() -> None:
    backoff = {"duration": "1s", "factor": 3, "maxDuration": "1m"}
    assert made(retry={"limit": -1, "backoff": backoff}).retry == Retry(-1, 1.0, 3.0, 60.0)


def test_a_wait_longer_than_the_longest_by_default_is_the_longest() -> None:
    assert made(retry={"backoff": {"duration": "10m"}}).retry.maximum == 600.0


def test_the_deletion_policy_says_how_targets_go() -> None:
    assert withdrawal("Delete") is Withdrawal.DELETE
    assert withdrawal("Orphan") is Withdrawal.ORPHAN
    assert withdrawal("orphan") is None
    assert withdrawal(None) is None
