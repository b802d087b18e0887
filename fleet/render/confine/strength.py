"""Which walls this system offers: found out by trying to get through them.

Contract: each level is tried by a child that would read a file outside its box and open a socket; a level counts
where both are refused and the child itself ran. Costs a few short runs, once a process.
"""

from __future__ import annotations

import os
import select
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from fleet.render.confine import launcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Starter(Protocol):
    """Who makes boxes, and has the launcher start children in them."""

    def box(self) -> Path:
        """A fresh private folder."""

    def begin(self, order: Mapping[str, object], fds: Sequence[int]) -> int:
        """Hand an order to the launcher; its number."""


SAID: Final = {
    "namespaces": "a root, a network and process ids of their own",
    "landlock": "no file outside, no socket (Landlock and seccomp)",
    "limits": "resource limits alone: this system forbids unprivileged namespaces and has no Landlock",
}
_SECONDS: Final = 10.0


_offered: str = ""


def offered(confinement: Starter) -> str:
    """The strongest level that holds here, found out once: a system does not change under its processes."""
    global _offered  # noqa: PLW0603 (one system, one answer)
    if not _offered:
        _offered = strongest(confinement)
    return _offered


def strongest(confinement: Starter) -> str:
    """The strongest level that holds here, tried now."""
    for level in launcher.LEVELS[:-1]:
        if launcher.LINUX and holds(confinement, level):
            return level
    return launcher.LEVELS[-1]


def holds(confinement: Starter, level: str) -> bool:
    """Whether a child behind the walls of ``level`` runs, and gets neither at a file outside nor at a socket."""
    box = confinement.box()
    (box / "files").mkdir()
    program = shutil.which("env") or "/usr/bin/env"
    order = {
        "program": str(Path(program).resolve()),
        "argv": [],
        "box": str(box),
        "folder": "files",
        "env": {},
        "limits": {"data": 1 << 30, "cpu": 10, "file": 1 << 20, "files": 64},
        "level": level,
        "probe": True,
    }
    pipes = [os.pipe() for _ in range(3)]
    try:
        try:
            confinement.begin(order, [one for _, one in pipes])
        finally:
            for _, one in pipes:
                os.close(one)
        told = _last(pipes[2][0])
    finally:
        for one, _ in pipes:
            os.close(one)
        shutil.rmtree(box, ignore_errors=True)
    return told == b"0"


def _last(fd: int) -> bytes:
    ready, _, _ = select.select([fd], [], [], _SECONDS)
    return os.read(fd, 64) if ready else b""
