"""Short commands of a demo or a test: run to their end, their output kept."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_TIMEOUT = 300.0


class Done(NamedTuple):
    """What a command came to; `output` is what it wrote, errors too."""

    code: int
    output: str


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float = _TIMEOUT,
    given: bytes | None = None,
) -> Done:
    """Run a program, with `given` as its input; one that takes longer than `timeout` seconds is killed and told as -9."""
    try:
        done = subprocess.run(
            argv,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL if given is None else None,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return Done(-9, (late.stdout or b"").decode(errors="replace"))
    return Done(done.returncode, done.stdout.decode(errors="replace"))
