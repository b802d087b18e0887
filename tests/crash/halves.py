"""Runs of the crash test: a hub cut off, a new one that ends where the first would have."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Final

from tests.crash.scenario import Cut, DidNotCome, Safe, scenario
from tests.stage.seams import Guillotine, Journal
from tests.stage.theatre import Theatre

TRIES: Final = 3


async def check(found: Sequence[Cut], half: int, theatres: Callable[[], Theatre], safe: Safe) -> None:
    """Cut at one half of the writes; which half, their names tell, so that two workers leave none out."""
    writes = {cut.write for cut in found}
    assert len(writes) > 50, "run 0 names every write"
    assert {cut.write for cut in found if not cut.after} == writes
    failures = []
    for cut in found:
        if zlib.crc32(cut.write.encode()) % 2 == half:
            failures += await _run(cut, theatres, safe)
    assert not failures, "\n\n".join(failures)


async def _run(cut: Cut, theatres: Callable[[], Theatre], safe: Safe) -> list[str]:
    """One run; a write that time did not let come is waited for in another."""
    for left in range(TRIES, 0, -1):
        theatre = theatres()
        await theatre.open()
        at = cut.write.replace("NAMESPACE", theatre.namespace)
        try:
            await scenario(theatre, safe, Journal(), Guillotine(at, after=cut.after))
        except DidNotCome as error:
            if left == 1:
                return [f"{cut}: {error}"]
        except AssertionError as error:
            return [f"{cut}: {error}"]
        else:
            return []
        finally:
            await theatre.close()
    return []
