"""The walk: a step, rest, a comparison; again and again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from tests.stage.theatre import Theatre
from tests.walk import looking, model, steps
from tests.walk.looking import Sight
from tests.walk.stagehand import FOREIGN, Stagehand, hasty
from tests.walk.values import Ref, State, Step

PATIENCE = 20.0  # seconds in which a step has to settle


class Strayed(AssertionError):
    """The world is not as the model says."""


class Walk:
    """One walk of a seed."""

    def __init__(
        self,
        theatre: Theatre,
        seed: int,
        *,
        say: Callable[[str], None] = print,
        patience: float = PATIENCE,
    ) -> None:
        self.seed = seed
        self.patience = patience
        self.say = say
        self.number = 0
        self.stagehand = Stagehand(theatre)
        self.theatre = theatre
        self.random = random.Random(seed)  # noqa: S311 (a walk, no secret)
        self.state, self.first = steps.beginning()
        self.births: dict[tuple[str, Ref, int], str] = {}
        self.foreign: dict[tuple[str, Ref], str] = {}

    async def run(self, count: int) -> None:
        """Take that many steps; raises Strayed at the first that does not hold."""
        self.say(f"seed {self.seed}")
        with hasty():
            try:
                await self.stagehand.begin(self.state)
                sight = await looking.look(self.theatre)
                self.foreign = {
                    (cluster, ref): seen.version
                    for cluster, live in sight.items()
                    for ref, seen in live.items()
                }
                for step in self.first:
                    await self.take(step)
                for _ in range(count):
                    await self.take(steps.choose(self.random, self.state))
            finally:
                await self.stagehand.close()

    async def take(self, step: Step) -> None:
        """Make one step, wait for rest, compare."""
        self.number += 1
        self.say(f"{self.number:4} {step.words}")
        before, after = self.state, model.apply(step, self.state)
        self.state = after
        begun = time.monotonic()
        try:
            await self.stagehand.make(step, before, lambda: self.settled(after))
            sight = await self.settled(after)
            self._compare(sight, model.act(step, before), after)
        except AssertionError as error:
            told = "\n".join(await looking.told(self.theatre))
            raise Strayed(self._report(step, f"{error}\n{told}")) from None
        self.say(f"     settled after {time.monotonic() - begun:.1f} s")

    async def settled(self, state: State) -> Sight:
        """Wait until all is as the model says and the hub is at rest; what is live then."""
        deadline = time.monotonic() + self.patience
        while True:
            sight = await looking.look(self.theatre)
            unlike = looking.differences(sight, state)
            rest = "" if unlike else await looking.unrest(self.stagehand, state, sight)
            if not unlike and not rest:
                return sight
            if time.monotonic() > deadline:
                rest = rest or await looking.unrest(self.stagehand, state, sight)
                raise Strayed("\n".join([*unlike, f"the hub: {rest or 'at rest'}"]))
            await asyncio.sleep(0.05)

    def _compare(self, sight: Sight, acted: State, after: State) -> None:
        """Nothing was made anew that was not deleted, nothing healthy was written, nothing foreign touched."""
        lines = []
        versions = self.stagehand.versions
        for cluster, wanted in model.expected(after).items():
            for ref, live in wanted.items():
                seen = sight[cluster][ref]
                uid = self.births.setdefault((cluster, ref, live.birth), seen.uid)
                if uid != seen.uid:
                    lines.append(f"{cluster}: {ref} was made anew: UID {seen.uid}, was {uid}")
                version = versions.get((cluster, *ref))
                if acted.members[cluster].live.get(ref) == live and version not in (None, seen.version):
                    lines.append(f"{cluster}: {ref} was rewritten: {seen.version}, was {version}")
        for (cluster, ref), version in self.foreign.items():
            found = sight[cluster].get(ref)
            if found is None or found.version != version:
                lines.append(f"{cluster}: {ref} of others was touched: {found}, was {version}")
        self.stagehand.versions = {
            (cluster, *ref): seen.version
            for cluster, objects in sight.items()
            for ref, seen in objects.items()
            if ref.name not in FOREIGN
        }
        if lines:
            raise Strayed("\n".join(lines))

    def _report(self, step: Step, text: str) -> str:
        again = f"make soak ARGS='--seed {self.seed} --steps {self.number}'"
        return f"seed {self.seed}, step {self.number}: {step.words}\n{text}\nreplay: {again}"
