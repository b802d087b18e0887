"""``python -m tests.walk --seed N --steps N``: walk; 0 when it held."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from fleet import log
from tests.stage.api import Api
from tests.stage.theatre import Planes, Theatre, install, raised
from tests.walk.walk import PATIENCE, Strayed, Walk


async def walk(planes: Planes, options: argparse.Namespace) -> bool:
    """Walk once on these planes; whether it held."""
    hub = await Api.of(planes.hub.kubeconfig)
    members = {name: await Api.of(plane.kubeconfig) for name, plane in planes.members.items()}
    try:
        await install(hub)
        theatre = Theatre(planes, hub, members)
        await theatre.open()
        say = lambda line: print(line, flush=True)  # noqa: E731, T201
        await Walk(theatre, options.seed, say=say, patience=options.patience).run(options.steps)
    except Strayed as error:
        print(f"\nSTRAYED\n{error}", flush=True)  # noqa: T201
        return False
    finally:
        for api in (hub, *members.values()):
            await api.close()
    return True


def main() -> int:
    """Parse, walk, say how it went."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds that a step may take to settle"
    )
    options = parser.parse_args()
    log.setup("console", "error")
    with tempfile.TemporaryDirectory(prefix="fleethub-walk-") as name, raised(Path(name)) as planes:
        held = asyncio.run(walk(planes, options))
    print(f"seed {options.seed}, {options.steps} steps: {'held' if held else 'did not hold'}")  # noqa: T201
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
