"""Audits: each self-healed target once in the interval, spread out, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fleet.clock import Clock
from fleet.mailbox import Mailbox
from fleet.model import (
    ApplicationKey,
    Lane,
    Mode,
    Option,
    Policy,
    Rendered,
    Target,
    TargetKey,
    Work,
)
from fleet.worker import audit
from fleet.worker.held import Held
from fleet.worker.work import Errand, merge

HEALED = frozenset({Option.AUTOMATED, Option.SELF_HEAL})


def held(name: str, options: frozenset[Option]) -> tuple[TargetKey, Held]:
    key = TargetKey(ApplicationKey("fleethub", name), "eu")
    return key, Held(work=Work(Target(key, "ns", Policy(options=options)), (), Rendered("k", ())))


def box(clock: Clock) -> Mailbox[TargetKey, Errand]:
    return Mailbox[TargetKey, Errand](clock, lanes=len(Lane), merge=merge)


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_every_self_healed_target_is_audited_within_the_interval_and_no_other() -> None:
    clock = Clock()
    queue = box(clock)
    targets = dict([held(f"app-{number}", HEALED) for number in range(20)])
    manual, known = held("manual", frozenset())
    keeping = asyncio.ensure_future(audit.keep({**targets, manual: known}, queue, clock, 3600.0))
    await turns()
    assert queue.idle()
    for _ in range(120):
        clock.advance(60)
        await turns()
    found = set()
    while any(queue.depth()):
        claim = await queue.take()
        assert isinstance(claim.value, Work)
        assert claim.value.mode is Mode.AUDIT
        assert claim.lane == Lane.AUDIT
        found.add(claim.key)
    assert found == set(targets)
    keeping.cancel()


async def test_a_target_whose_retry_waits_is_audited_and_the_retry_waits_no_longer() -> None:
    clock = Clock()
    queue = box(clock)
    key, known = held("app", HEALED)
    assert known.work is not None
    retry = replace(known.work, asked_by="me", prune_asked=True)
    queue.put(key, retry, lane=Lane.COLD, not_before=clock.boottime() + 1e6)
    keeping = asyncio.ensure_future(audit.keep({key: known}, queue, clock, 3600.0))
    await turns()
    for _ in range(120):
        clock.advance(60)
        await turns()
    claim = await queue.take()
    assert claim.value == replace(retry, mode=Mode.AUDIT), "it answers who asked for the retry too"
    assert claim.lane == Lane.COLD
    keeping.cancel()


async def test_an_audit_that_a_commit_takes_the_place_of_comes_after_it_and_one_that_ended_does_not() -> None:
    clock = Clock()
    queue = box(clock)
    key, known = held("app", HEALED)
    assert known.work is not None
    keeping = asyncio.ensure_future(audit.keep({key: known}, queue, clock, 3600.0))
    await turns()
    while queue.idle():
        clock.advance(60)
        await turns()
    queue.put(key, known.work, lane=Lane.URGENT)
    claim = await queue.take()
    assert isinstance(claim.value, Work)
    assert claim.value.mode is Mode.APPLY
    queue.done(claim)
    for _ in range(10):
        clock.advance(60)
        await turns()
    assert any(queue.depth())
    claim = await queue.take()
    assert isinstance(claim.value, Work)
    assert claim.value.mode is Mode.AUDIT
    known.audited = clock.boottime()
    queue.done(claim)
    for _ in range(30):
        clock.advance(60)
        await turns()
    assert queue.idle(), "half an hour later: the next is due an hour after this one"
    keeping.cancel()
