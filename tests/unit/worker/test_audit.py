"""Audits: each self-healed target once in the interval, spread out, and nothing else."""

from __future__ import annotations

import asyncio

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


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_every_self_healed_target_is_audited_within_the_interval_and_no_other() -> None:
    clock = Clock()
    box = Mailbox[TargetKey, Errand](clock, lanes=len(Lane), merge=merge)
    targets = dict([held(f"app-{number}", HEALED) for number in range(20)])
    manual, known = held("manual", frozenset())
    keeping = asyncio.ensure_future(audit.keep({**targets, manual: known}, box, clock, 3600.0))
    await turns()
    assert box.idle()
    for _ in range(120):
        clock.advance(60)
        await turns()
    found = set()
    while any(box.depth()):
        claim = await box.take()
        assert isinstance(claim.value, Work)
        assert claim.value.mode is Mode.AUDIT
        assert claim.lane == Lane.AUDIT
        found.add(claim.key)
    assert found == set(targets)
    keeping.cancel()
