"""An Application's status: counts, words and conditions from facts alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fleet.api.application import Application
from fleet.api.parse import parse
from fleet.model import (
    ApplicationKey,
    Fault,
    Findings,
    Foreign,
    Health,
    Hold,
    Holding,
    ObjectRef,
    Outcome,
    Reach,
    Revision,
    Sync,
    TargetKey,
)
from fleet.report.problems import BYTES, MOST
from fleet.report.summary import Facts, refused, status
from fleet.report.words import MESSAGE

KEY = ApplicationKey("fleethub", "hello")
NOW = 1_700_000_000.0
COMMIT = "abc1234" + "0" * 33
CLUSTERS = ("ap-1", "eu-1", "us-1")


def application(*, before: dict[str, Any] | None = None, deleting: bool = False) -> Application:
    metadata: dict[str, Any] = {"name": "hello", "namespace": "fleethub", "generation": 7, "uid": "u"}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    body = {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": {
            "source": {"repoURL": "https://git.example/acme/deploy", "path": "apps/hello"},
            "placement": {"clusters": list(CLUSTERS)},
        },
        "status": before or {},
    }
    made = parse("Application", body)
    assert isinstance(made, Application)
    return made


def outcome(cluster: str, **changes: Any) -> Outcome:
    made = Outcome(
        TargetKey(KEY, cluster), (Revision("git.example/acme/deploy", COMMIT),), Sync.SYNCED, Health.HEALTHY
    )
    return replace(made, **changes)


def facts(*outcomes: Outcome, **changes: Any) -> Facts:
    held = {cluster: outcome(cluster) for cluster in CLUSTERS} | {one.target.cluster: one for one in outcomes}
    return replace(Facts(CLUSTERS, tuple(held.values()), revision=COMMIT), **changes)


def conditions(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["type"]: one for one in told["conditions"]}


def test_well_everywhere_is_ready_and_settled() -> None:
    told = status(application(), facts(), now=NOW)
    assert told["clusters"] == "3/3"
    assert told["targets"] == {"total": 3, "synced": 3, "healthy": 3}
    assert (told["sync"], told["health"], told["problems"]) == ("Synced", "Healthy", [])
    assert told["observedGeneration"] == 7
    assert told["revision"] == COMMIT
    held = conditions(told)
    assert [(kind, held[kind]["status"]) for kind in held] == [
        ("Ready", "True"),
        ("Reconciling", "False"),
        ("Stalled", "False"),
    ]
    assert all(one["observedGeneration"] == 7 for one in held.values())


def test_same_facts_later_give_the_same_bytes() -> None:
    first = status(application(), facts(), now=NOW)
    again = status(application(before=first), facts(), now=NOW + 5000)
    assert json.dumps(first) == json.dumps(again)


def test_healthy_since_is_the_time_at_which_the_last_target_became_well() -> None:
    first = status(application(), facts(outcome("eu-1", health=Health.PROGRESSING)), now=NOW)
    assert "healthySince" not in first
    well = status(application(before=first), facts(), now=NOW + 100)
    assert well["healthySince"] == "2023-11-14T22:15:00Z"
    later = status(application(before=well), facts(), now=NOW + 5000)
    assert later == well
    restarted = status(application(before=well), Facts(CLUSTERS, revision=COMMIT), now=NOW + 6000)
    assert restarted["healthySince"] == well["healthySince"]
    ill = status(application(before=well), facts(outcome("us-1", health=Health.DEGRADED)), now=NOW + 200)
    assert "healthySince" not in ill


def test_healthy_since_begins_anew_with_another_revision_or_render() -> None:
    well = status(application(), facts(render="one"), now=NOW)
    moved = tuple(outcome(name, revisions=(Revision("git", "f" * 40),)) for name in CLUSTERS)
    commit = status(application(before=well), facts(*moved, revision="f" * 40, render="one"), now=NOW + 60)
    render = status(application(before=well), facts(render="two"), now=NOW + 60)
    assert commit["healthySince"] == render["healthySince"] == "2023-11-14T22:14:20Z"
    waits = status(application(before=well), facts(render="two", pending=frozenset({"us-1"})), now=NOW + 60)
    assert "healthySince" not in waits
    assert "healthySince" not in status(application(), Facts(), now=NOW)


def test_a_cluster_that_takes_anothers_place_begins_the_time_anew() -> None:
    well = status(application(), facts(), now=NOW)
    there = Facts(CLUSTERS, revision=COMMIT, outcomes=facts().outcomes[1:], joined=frozenset(CLUSTERS[:1]))
    assert "healthySince" not in status(application(before=well), there, now=NOW + 60)
    seen = status(application(before=well), facts(joined=frozenset(CLUSTERS[:1])), now=NOW + 60)
    assert seen["healthySince"] == well["healthySince"]


def test_transition_time_moves_only_when_the_status_flips() -> None:
    bad = facts(outcome("eu-1", health=Health.DEGRADED))
    first = status(application(), facts(), now=NOW)
    second = status(application(before=first), bad, now=NOW + 100)
    third = status(
        application(before=second), facts(outcome("eu-1", health=Health.PROGRESSING)), now=NOW + 200
    )
    times = [conditions(told)["Ready"]["lastTransitionTime"] for told in (first, second, third)]
    assert times[0] != times[1] == times[2]
    assert (
        conditions(third)["Stalled"]["lastTransitionTime"]
        == conditions(first)["Stalled"]["lastTransitionTime"]
    )


def test_a_newer_previous_wins_over_the_objects_own_status() -> None:
    first = status(application(), facts(), now=NOW)
    later = status(application(), facts(), now=NOW + 100, previous=first)
    assert later == first


def test_the_worst_target_decides_and_problems_name_it() -> None:
    told = status(
        application(),
        facts(
            outcome(
                "eu-1", sync=Sync.OUT_OF_SYNC, health=Health.DEGRADED, faults=(Fault(None, "Invalid", "no"),)
            ),
            outcome("ap-1", health=Health.PROGRESSING),
        ),
        now=NOW,
    )
    assert (told["sync"], told["health"], told["clusters"]) == ("OutOfSync", "Degraded", "1/3")
    assert told["problems"] == [
        "ap-1: Synced Progressing abc1234",
        "eu-1: OutOfSync Degraded abc1234 Invalid",
    ]
    ready = conditions(told)["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "Invalid")
    assert "eu-1: OutOfSync Degraded abc1234 Invalid" in ready["message"]


def test_problems_are_bounded_in_number_and_bytes() -> None:
    clusters = tuple(f"{'ü' * 80}-{n}" for n in range(120))
    outcomes = tuple(outcome(cluster, sync=Sync.OUT_OF_SYNC) for cluster in clusters)
    told = status(application(), Facts(clusters, outcomes, revision=COMMIT), now=NOW)
    assert len(told["problems"]) == MOST
    assert max(len(line.encode()) for line in told["problems"]) <= BYTES
    assert len(json.dumps(told)) < 16_000


def test_a_silent_cluster_keeps_its_last_state_for_sixty_seconds_and_is_unknown_then() -> None:
    def dark(now: float) -> dict[str, Any]:
        reaches = {"eu-1": Reach("eu-1", reachable=False, since=NOW, seen=NOW - 1)}
        return status(application(), facts(reaches=reaches), now=now)

    assert dark(NOW + 59)["clusters"] == "3/3"
    later = dark(NOW + 60)
    assert (later["sync"], later["health"], later["clusters"]) == ("Unknown", "Unknown", "2/3")
    held = conditions(later)
    assert held["Ready"]["status"] == "Unknown"
    assert held["ClusterUnreachable"]["message"] == "No answer since 2023-11-14T22:13:20Z (on eu-1)"
    assert dark(NOW + 6000)["conditions"][3]["message"] == held["ClusterUnreachable"]["message"]


def test_a_pass_cut_off_by_a_dark_cluster_rewrites_nothing() -> None:
    reaches = {"eu-1": Reach("eu-1", reachable=False, since=NOW)}
    cut = outcome("eu-1", faults=(Fault(None, "Unreachable", "no connection", transient=True),))
    told = status(application(), facts(cut, reaches=reaches), now=NOW + 5)
    assert "SyncFailed" not in conditions(told)


def test_restart_rewrites_nothing_before_targets_are_seen_again() -> None:
    before = status(application(), facts(outcome("eu-1", health=Health.DEGRADED)), now=NOW)
    told = status(application(before=before), Facts(CLUSTERS, revision=COMMIT), now=NOW + 900)
    assert told["problems"] == before["problems"]
    assert (told["clusters"], told["health"]) == ("2/3", "Degraded")
    assert conditions(told)["Ready"] == conditions(before)["Ready"]


def test_a_new_revision_is_not_green_before_it_has_been_passed() -> None:
    before = status(application(), facts(), now=NOW)
    told = status(application(before=before), Facts(CLUSTERS, revision="f" * 40), now=NOW + 1)
    assert told["sync"] == "Unknown"
    waiting = facts(pending=frozenset({"us-1"}), revision="f" * 40)
    told = status(application(before=before), waiting, now=NOW + 1)
    assert (told["sync"], told["clusters"]) == ("OutOfSync", "2/3")
    assert told["problems"] == ["us-1: OutOfSync Healthy abc1234 Syncing"]
    assert conditions(told)["Reconciling"]["status"] == "True"


def test_a_render_that_fails_is_one_condition_that_carries_the_reason() -> None:
    fault = Fault(None, "PathNotFound", "apps/hello is not in the commit")
    told = status(application(), facts(faults=(fault,)), now=NOW)
    held = conditions(told)
    assert (held["RenderFailed"]["reason"], held["RenderFailed"]["message"]) == (
        "PathNotFound",
        "apps/hello is not in the commit",
    )
    assert held["Ready"]["reason"] == "PathNotFound"
    assert held["Stalled"]["status"] == "True"
    assert told["clusters"] == "3/3"


def test_a_transient_fault_is_no_stall() -> None:
    fault = Fault(None, "RepositoryUnreachable", "git.example does not answer", transient=True)
    held = conditions(status(application(), facts(faults=(fault,)), now=NOW))
    assert (held["Stalled"]["status"], held["Reconciling"]["status"]) == ("False", "True")


def test_each_hold_is_a_condition_while_it_lasts() -> None:
    job = ObjectRef("batch", "Job", "hello", "migrate")
    hooks = Holding(Hold.HOOKS, "hooks are not run yet", (job,))
    refused = Fault(ObjectRef("", "Service", "hello", "web"), "OwnedByOther", "is Helm release hello/web")
    told = status(
        application(),
        facts(outcome("eu-1", holds=(hooks,), faults=(refused,)), outcome("us-1", holds=(hooks,))),
        now=NOW,
    )
    held = conditions(told)
    assert (
        held["HooksNotRun"]["message"] == "hooks are not run yet: Job.batch hello/migrate (on eu-1 and us-1)"
    )
    assert held["ClaimRefused"]["message"] == "Service hello/web: is Helm release hello/web (on eu-1)"
    assert "HooksNotRun" not in conditions(status(application(before=told), facts(), now=NOW))


def test_messages_are_capped() -> None:
    faults = tuple(
        Fault(ObjectRef("", "ConfigMap", "hello", f"config-{n}"), "Invalid", f"data.{n} is not a string")
        for n in range(100)
    )
    told = status(application(), facts(outcome("eu-1", faults=faults)), now=NOW)
    assert all(len(one["message"]) <= MESSAGE for one in told["conditions"])


def test_manual_and_out_of_sync_is_neither_reconciling_nor_stalled() -> None:
    manual = outcome("eu-1", sync=Sync.OUT_OF_SYNC, holds=(Holding(Hold.MANUAL, "nobody asked for a sync"),))
    held = conditions(status(application(), facts(manual), now=NOW))
    assert (held["Ready"]["status"], held["Ready"]["reason"]) == ("False", "Manual")
    assert held["Reconciling"]["status"] == held["Stalled"]["status"] == "False"


def test_no_cluster_selected_is_said() -> None:
    told = status(application(), Facts(revision=COMMIT), now=NOW)
    assert told["clusters"] == "0/0"
    assert conditions(told)["Ready"]["reason"] == "NoClusters"


def test_deletion_that_waits_names_the_dark_cluster() -> None:
    waits = Holding(Hold.DELETION, "eu-1 does not answer; fleethub app delete hello --abandon eu-1 lets go")
    told = status(application(deleting=True), facts(holds=(waits,)), now=NOW)
    held = conditions(told)
    assert held["Ready"]["reason"] == "Deleting"
    assert held["Reconciling"]["status"] == "True"
    assert "eu-1" in held["DeletionWaits"]["message"]


def test_last_sync_and_revision_stay_where_the_facts_say_nothing() -> None:
    asked = {"request": "r", "revision": COMMIT, "prune": True, "by": "ada", "at": "2026-01-01T00:00:00Z"}
    before = status(application(), facts(last_sync=asked), now=NOW)
    told = status(application(before=before), facts(revision=""), now=NOW)
    assert told["lastSync"] == asked
    assert told["revision"] == COMMIT


@pytest.mark.parametrize("word", ["Bad Reason!", "", "1st"])
def test_reasons_satisfy_the_schema(word: str) -> None:
    told = status(application(), facts(faults=(Fault(None, word, "text"),)), now=NOW)
    for one in told["conditions"]:
        assert one["reason"].isidentifier()


def test_what_people_added_is_a_calm_condition_without_a_time() -> None:
    ref = ObjectRef("apps", "Deployment", "hello", "web")
    added = Foreign(ref, "kubectl-edit", "2026-01-01T00:00:00Z", ("spec.a", "spec.b"), more=5)
    left = replace(added, fields=("spec.replicas",), more=0, why="it stays")
    told = status(
        application(),
        Facts(CLUSTERS, tuple(outcome(name, findings=Findings(foreign=(added, left))) for name in CLUSTERS)),
        now=NOW,
    )
    assert told["sync"] == "Synced"
    conditions = {one["type"]: one for one in told["conditions"]}
    assert conditions["Ready"]["status"] == "True"
    assert conditions["Stalled"]["status"] == "False"
    message = conditions["ForeignFields"]["message"]
    assert message.startswith(
        "8 fields not in Git were added by hand: spec.a of Deployment.apps hello/web (by kubectl"
    )
    assert "it stays" in message
    assert "2026" not in message
    assert message.count("spec.a") == 1, "clusters share a sentence"


def test_what_keeps_one_that_was_never_valid_from_being_deleted_is_told() -> None:
    held = Holding(Hold.DELETION, "cluster eu-1 does not answer")
    told = refused({"revision": COMMIT}, 7, (), (held,), now=NOW)
    assert told["revision"] == COMMIT
    assert conditions(told)["DeletionWaits"]["message"] == held.text
