"""The first stage that is not passed, in order, as tables: one thing differs a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.model import (
    ApplicationKey,
    Cause,
    Drift,
    Fault,
    Findings,
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
from fleet.report import trace
from fleet.report.since import Stamp, Stamps
from fleet.report.stages import (
    ApplicationFacts,
    ClusterFacts,
    CommitFacts,
    Desired,
    Ill,
    Source,
    Stage,
    Step,
    TargetFacts,
    Verdict,
    Waiting,
)

KEY = ApplicationKey("team", "web")
URL = "https://git.example/acme/deploy.git"
OLD, ASKED, HEAD = "0" * 40, "a" * 40, "b" * 40
WEB = ObjectRef("apps", "Deployment", "shop", "web")
LIVE = Outcome(TargetKey(KEY, "eu"), (Revision(URL, HEAD, "refs/heads/main"),), Sync.SYNCED, Health.HEALTHY)
ALIVE = Reach("eu", reachable=True, since=10.0)
SINCE = Stamps(Stamp(100.0), Stamp(200.0), Stamp(300.0, early=True))
TARGET = TargetFacts(ClusterFacts("eu", ALIVE), LIVE, since=SINCE)
FACTS = ApplicationFacts(
    KEY,
    Source(URL, "main", HEAD, looked=50.0, how="poll", due=80.0),
    Desired(HEAD, Revision(URL, HEAD), reads=("apps/web", "apps/web/a.yaml"), since=Stamp(60.0)),
    (TARGET,),
    since=SINCE,
)
KNOWN = CommitFacts(ASKED, URL, frozenset({ASKED, HEAD}), frozenset({KEY}))
BEHIND = replace(LIVE, revisions=(Revision(URL, OLD),))
APART = replace(LIVE, sync=Sync.OUT_OF_SYNC)


def target(outcome: Outcome | None = LIVE, **changed: object) -> ApplicationFacts:
    return replace(FACTS, targets=(replace(TARGET, outcome=outcome, **changed),))  # type: ignore[arg-type]


def cluster(outcome: Outcome | None = LIVE, **changed: object) -> ApplicationFacts:
    return target(outcome, cluster=replace(TARGET.cluster, **changed))  # type: ignore[arg-type]


def faulty(*faults: Fault) -> ApplicationFacts:
    return target(replace(APART, faults=faults))


def held(*holds: Hold, outcome: Outcome = APART) -> ApplicationFacts:
    return target(replace(outcome, holds=tuple(Holding(hold, f"words of {hold.value}") for hold in holds)))


def of(facts: ApplicationFacts, known: CommitFacts | None = KNOWN) -> Step:
    """The one step."""
    if known is None:
        (step,) = trace.of_application(facts).steps
    else:
        (step,) = trace.of_commit(ASKED, (known,), (facts,), (facts.source,)).steps
    return step


DESIRED = FACTS.desired
BROKEN = Fault(None, "InvalidManifest", "apps/web/a.yaml, document 1, line 3: no")
ROWS: list[tuple[str, ApplicationFacts, Stage, tuple[str, ...], float]] = [
    ("live", FACTS, Stage.LIVE, (), 300.0),
    (
        "nobody looked",
        replace(FACTS, source=Source(URL)),
        Stage.NOT_SEEN,
        ("has not been read yet",),
        0.0,
    ),
    (
        "the whole source fails",
        replace(
            FACTS,
            desired=replace(DESIRED, computed=OLD),
            faults=(Fault(None, "PathNotFound", "apps/web is gone"),),
        ),
        Stage.NOT_RENDERED,
        ("apps/web is gone", "spec.source.path"),
        100.0,
    ),
    (
        "a document fails",
        replace(FACTS, desired=replace(DESIRED, faults=(BROKEN, BROKEN))),
        Stage.NOT_RENDERED,
        ("apps/web/a.yaml, document 1, line 3: no, and 1 more", "in Git and push"),
        100.0,
    ),
    (
        "an old fault while it is looked at again",
        replace(FACTS, desired=replace(DESIRED, computed=OLD, working=True), faults=(BROKEN,)),
        Stage.QUEUED,
        ("being rendered",),
        0.0,
    ),
    (
        "the Project refuses",
        replace(
            FACTS,
            desired=replace(DESIRED, computed=""),
            faults=(Fault(None, "ProjectRefused", "repository not allowed"),),
        ),
        Stage.HELD,
        ("repository not allowed", "Have the Project allow it"),
        100.0,
    ),
    ("no cluster", replace(FACTS, targets=()), Stage.NOT_PLACED, ("no cluster is selected",), 300.0),
    (
        "a cluster that is not there",
        replace(FACTS, targets=(), faults=(Fault(None, "ClusterUnknown", "no cluster mars"),)),
        Stage.NOT_PLACED,
        ("no cluster mars", "fleethub cluster add"),
        100.0,
    ),
    (
        "registration",
        cluster(faults=(Fault(None, "KubeconfigInvalid", "no users"),), reach=None),
        Stage.UNREACHABLE,
        ("no users", "fleethub cluster add eu"),
        0.0,
    ),
    (
        "another hub",
        cluster(holds=(Holding(Hold.FOREIGN_HUB, "hub X writes here"),)),
        Stage.HELD,
        ("ForeignHub: hub X writes here", "fleethub cluster take-over eu"),
        10.0,
    ),
    (
        "paused before silent",
        cluster(BEHIND, paused=True, reach=replace(ALIVE, reachable=False)),
        Stage.HELD,
        ("Paused: cluster eu is paused", "fleethub cluster resume eu"),
        0.0,
    ),
    ("paused and synced", cluster(paused=True), Stage.LIVE, (), 300.0),
    (
        "silent, whatever was seen last",
        cluster(
            replace(APART, faults=(Fault(WEB, "Invalid", "no"),)),
            reach=Reach("eu", False, 70.0, 65.0, reason="Unreachable", text="no route"),
        ),
        Stage.UNREACHABLE,
        (
            "eu does not answer: no route; its last answer was at 1970-01-01T00:01:05Z",
            "fleethub cluster get eu",
        ),
        70.0,
    ),
    ("never tried", cluster(None, reach=None), Stage.UNREACHABLE, ("has not reached eu yet",), 0.0),
    ("not offered yet", target(None), Stage.QUEUED, ("about to be offered",), 60.0),
    (
        "in the queue",
        target(BEHIND, waiting=Waiting("urgent", 2, (TargetKey(ApplicationKey("x", "y"), "eu"),))),
        Stage.QUEUED,
        ("in the lane urgent, behind 2 others; in hand now: x/y",),
        60.0,
    ),
    ("next", target(BEHIND, waiting=Waiting("cold")), Stage.QUEUED, ("lane cold, next in turn",), 60.0),
    ("in hand", target(BEHIND, waiting=Waiting("", busy=True)), Stage.QUEUED, ("applied right now",), 60.0),
    ("a seal waits", target(waiting=Waiting("audit", due=99.0)), Stage.LIVE, (), 300.0),
    (
        "delayed",
        target(BEHIND, waiting=Waiting("", due=3600.0)),
        Stage.QUEUED,
        ("tried again at 1970-01-01T01:00:00Z",),
        60.0,
    ),
    (
        "refused",
        faulty(
            Fault(None, "Conflict", "later", transient=True),
            Fault(WEB, "Invalid", "is no number", "spec.replicas"),
        ),
        Stage.REFUSED,
        (
            "Deployment.apps shop/web: spec.replicas: is no number, and 1 more",
            "Correct spec.replicas in Git and push",
        ),
        100.0,
    ),
    (
        "refused for now",
        faulty(Fault(WEB, "Throttled", "slow down", transient=True)),
        Stage.REFUSED,
        ("slow down", "tried again by itself"),
        100.0,
    ),
    (
        "lost on the wire",
        faulty(Fault(WEB, "Unanswered", "no answer", transient=True)),
        Stage.UNREACHABLE,
        ("no answer",),
        100.0,
    ),
    (
        "barred by a Project, and that is told once",
        replace(
            target(replace(APART, revisions=(), holds=(Holding(Hold.PROJECT, "cluster eu is not allowed"),))),
            faults=(Fault(None, "ProjectRefused", "cluster eu is not allowed"),),
        ),
        Stage.HELD,
        ("ProjectRefused: cluster eu is not allowed", "Have the Project allow it"),
        200.0,
    ),
    (
        "an object that the Project does not allow, though all else is well",
        held(Hold.PROJECT, outcome=LIVE),
        Stage.HELD,
        ("words of ProjectRefused",),
        200.0,
    ),
    (
        "refused by the Project",
        faulty(Fault(WEB, "ProjectRefused", "namespace shop is not allowed")),
        Stage.HELD,
        ("namespace shop is not allowed", "Project"),
        100.0,
    ),
    (
        "contested though synced",
        held(Hold.CONTESTED, outcome=LIVE),
        Stage.CONTESTED,
        ("words of Contested",),
        200.0,
    ),
    (
        "manual",
        held(Hold.PRUNE_OFF, Hold.MANUAL),
        Stage.HELD,
        ("Manual", "fleethub app sync team/web"),
        200.0,
    ),
    (
        "the guard",
        held(Hold.PRUNE_OFF, Hold.DELETION_HELD),
        Stage.HELD,
        ("fleethub app confirm team/web",),
        200.0,
    ),
    ("prune waits", held(Hold.PRUNE_WAITS), Stage.HELD, ("PruneWaits: words of PruneWaits",), 200.0),
    (
        "hooks alone hold nothing",
        held(Hold.HOOKS, outcome=LIVE),
        Stage.LIVE,
        ("words of HooksNotRun",),
        300.0,
    ),
    (
        "drift that is put back",
        target(replace(APART, findings=Findings((Drift(WEB, Cause.CHANGED),)))),
        Stage.QUEUED,
        ("is put back: Deployment.apps shop/web",),
        300.0,
    ),
    (
        "not healthy",
        target(replace(LIVE, health=Health.DEGRADED), ill=(Ill(WEB, Health.DEGRADED, "0 of 2 ready"),) * 2),
        Stage.UNHEALTHY,
        (
            "Deployment.apps shop/web is Degraded: 0 of 2 ready, and 1 more are not healthy",
            "kubectl describe deployment.apps web -n shop",
        ),
        300.0,
    ),
]


@pytest.mark.parametrize(
    ("facts", "stage", "words", "since"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
@pytest.mark.parametrize("known", [None, KNOWN], ids=["application", "commit"])
def test_the_first_stage_that_is_not_passed(
    facts: ApplicationFacts, stage: Stage, words: tuple[str, ...], since: float, known: CommitFacts | None
) -> None:
    step = of(facts, known)
    assert step.stage is stage, step
    text = f"{step.text} | {step.action}"
    assert [word for word in words if word not in text] == [], text
    assert step.since.at == since
    assert step.application == "team/web"
    assert stage is Stage.LIVE or step.action


@pytest.mark.parametrize("hold", list(Hold))
def test_every_hold_is_told_with_its_own_words_and_some_advice(hold: Hold) -> None:
    step = of(held(hold))
    assert step.stage in (Stage.HELD, Stage.CONTESTED)
    assert f"{hold.value}: words of {hold.value}" in step.text
    assert step.action
    assert "{" not in step.action


ASKED_ROWS = [
    (
        "not on the branch",
        FACTS,
        replace(KNOWN, within=frozenset({ASKED})),
        Stage.NOT_FOLLOWED,
        "not on main",
    ),
    ("not concerned", FACTS, replace(KNOWN, concerned=frozenset()), Stage.NOT_CONCERNED, "apps/web/a.yaml"),
    (
        "not concerned though the branch is gone",
        replace(FACTS, source=replace(FACTS.source, head="")),
        replace(KNOWN, concerned=frozenset()),
        Stage.NOT_CONCERNED,
        "none of the paths",
    ),
    (
        "a branch that is not there",
        replace(
            FACTS,
            source=replace(
                FACTS.source, head="", error=Fault(None, "RevisionNotFound", "no branch main", transient=True)
            ),
        ),
        KNOWN,
        Stage.NOT_FOLLOWED,
        "no branch main",
    ),
    (
        "superseded by what is live",
        replace(FACTS, desired=replace(DESIRED, revision=Revision(URL, HEAD))),
        KNOWN,
        Stage.LIVE,
        "",
    ),
    (
        "live before what does not render",
        replace(FACTS, desired=replace(DESIRED, computed=ASKED), faults=(replace(BROKEN, ref=None),)),
        KNOWN,
        Stage.LIVE,
        "",
    ),
    (
        "undone in one fetch: the inputs are older than the commit",
        replace(target(BEHIND), desired=replace(DESIRED, revision=Revision(URL, OLD))),
        KNOWN,
        Stage.LIVE,
        "",
    ),
    (
        "manual, applied before a newer one",
        target(replace(APART, holds=(Holding(Hold.MANUAL, "waits"),)), recorded=ASKED),
        KNOWN,
        Stage.LIVE,
        f"a newer commit, {HEAD[:12]}, is held",
    ),
    (
        "manual, an older one applied",
        target(replace(APART, holds=(Holding(Hold.MANUAL, "waits"),)), recorded=OLD),
        KNOWN,
        Stage.HELD,
        "Manual",
    ),
    (
        "manual, drifted at the very commit",
        target(replace(APART, holds=(Holding(Hold.MANUAL, "waits"),)), recorded=HEAD),
        KNOWN,
        Stage.HELD,
        "Manual",
    ),
]


@pytest.mark.parametrize(
    ("facts", "known", "stage", "word"), [row[1:] for row in ASKED_ROWS], ids=[row[0] for row in ASKED_ROWS]
)
def test_a_commit_is_passed_where_what_is_applied_contains_it(
    facts: ApplicationFacts, known: CommitFacts, stage: Stage, word: str
) -> None:
    step = of(facts, known)
    assert step.stage is stage, step
    assert word in step.text


def test_a_commit_that_no_mirror_has_tells_of_the_looks() -> None:
    source = replace(FACTS.source, seeker="team/web")
    found = trace.of_commit(ASKED, (), (FACTS,), (source, Source("https://git.example/other")))
    first, second = found.steps
    assert found.verdict is Verdict.WAITING
    assert first.text == (
        f"{URL} shows no commit {ASKED[:12]}: last look at 1970-01-01T00:00:50Z by poll, the next at 1970-01-01T00:01:20Z"
    )
    assert "'fleethub app refresh team/web'" in first.action
    assert "no look yet" in second.text
    broken = replace(
        source, error=Fault(None, "RepositoryUnreachable", "no route", transient=True), failing=40.0
    )
    (step,) = trace.of_commit(ASKED, (), (), (broken,)).steps
    assert ("no route" in step.text, "Secret" in step.action, step.since.at) == (True, True, 40.0)


def test_what_leaves_a_cluster_is_told_beside_the_targets_and_no_commit_waits_for_it() -> None:
    facts = replace(FACTS, holds=(Holding(Hold.GRACE, "cluster us is no longer selected"),))
    hold, live = trace.of_application(facts).steps
    assert (hold.stage, hold.cluster, live.stage) == (Stage.HELD, "", Stage.LIVE)
    assert trace.of_application(facts).verdict is Verdict.WAITING
    assert trace.of_commit(ASKED, (KNOWN,), (facts,), ()).verdict is Verdict.LIVE


def test_a_source_that_is_not_read_any_more_is_told_beside_the_targets() -> None:
    error = Fault(None, "RepositoryUnreachable", "no route", transient=True)
    facts = replace(FACTS, source=replace(FACTS.source, error=error, failing=40.0))
    unread, live = trace.of_application(facts).steps
    assert unread.text == f"{URL}: no route (last look at 1970-01-01T00:00:50Z by poll)"
    assert (unread.since.at, live.stage) == (40.0, Stage.LIVE)
    assert of(facts).stage is Stage.LIVE


def test_an_application_that_is_deleted_holds_up_no_commit() -> None:
    assert of(replace(FACTS, deleting=True), None).text == "the Application is being deleted"
    assert trace.of_commit(ASKED, (KNOWN,), (replace(FACTS, deleting=True),), ()).steps == ()


def test_two_commits_of_one_beginning_are_ambiguous() -> None:
    found = trace.of_commit("aaaaaaa", (KNOWN, replace(KNOWN, commit=HEAD)), (FACTS,), ())
    assert (found.verdict, found.candidates) == (Verdict.AMBIGUOUS, (ASKED, HEAD))


def test_who_is_not_concerned_is_listed_up_to_a_limit() -> None:
    many = [
        replace(FACTS, key=ApplicationKey("team", f"n{number:03}")) for number in range(trace.UNCONCERNED + 5)
    ]
    found = trace.of_commit(ASKED, (replace(KNOWN, concerned=frozenset()),), many, (FACTS.source,))
    assert (len(found.steps), found.others, found.verdict) == (trace.UNCONCERNED, 5, Verdict.NOTHING)


@pytest.mark.parametrize(
    ("stages", "final", "verdict"),
    [
        ((), False, Verdict.WAITING),
        ((Stage.LIVE, Stage.LIVE), False, Verdict.LIVE),
        ((Stage.LIVE, Stage.NOT_FOLLOWED, Stage.NOT_CONCERNED), False, Verdict.LIVE),
        ((Stage.NOT_CONCERNED,), False, Verdict.NOTHING),
        ((Stage.NOT_FOLLOWED,), False, Verdict.WAITING),
        ((Stage.LIVE, Stage.QUEUED), False, Verdict.WAITING),
        ((Stage.REFUSED, Stage.LIVE), True, Verdict.FAILED),
        ((Stage.REFUSED, Stage.LIVE), False, Verdict.WAITING),
    ],
)
def test_the_verdict_is_that_of_the_worst(stages: tuple[Stage, ...], final: bool, verdict: Verdict) -> None:  # noqa: FBT001 (a table)
    steps = [Step(stage, final=final and stage is Stage.REFUSED) for stage in stages]
    assert trace.verdict(steps) is verdict
