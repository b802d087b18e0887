"""The process that outlives an owner: at the end of its standard input it ends groups and removes folders.

Run by path (`python -I -S watchdog.py OWNER GRACE`), so it imports the standard library only. Lines it reads:

    {"group": PID}      a process group to end; its leader is alive when the line is written
    {"forget": PID}     it has ended and was reaped
    {"folder": PATH}    a folder to remove after the groups
    {"keep": PATH}      a folder not to remove after all

The end of the input comes when the owner closes its write end or dies, by SIGKILL too. Should some other
process hold a copy of that end, the change of this process's parent tells as well.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_LOOK = 0.5
_STEP = 0.02


def started(pid: int) -> str | None:
    """When a process began, as an opaque text that tells it from a later one with the same number.

    None where it does not exist, or has ended and only waits to be reaped, with its last thread: a first one that
    has ended before the others leaves them the files and ports.
    """
    try:
        # Its name, in parentheses, may hold spaces and parentheses itself. proc(5): state is field 3,
        # num_threads 20, starttime 22.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _started_by_ps(pid)
    return None if fields[0] in "ZX" and int(fields[17]) <= 1 else fields[19]


def _started_by_ps(pid: int) -> str | None:
    told = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=1)
    return told[1].strip() if len(told) > 1 and not told[0].startswith("Z") else None


def end(groups: Iterable[tuple[int, str | None]], grace: float) -> None:
    """End process groups, given as leader and when it began: TERM, after `grace` seconds KILL.

    Returns when none is left, at the latest 2 seconds after KILL. A leader's number that belongs to another
    process by now is left alone: while a member of our group lived, it could not have been given again.
    """
    left = {leader: began for leader, began in groups if _ours(leader, began)}
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 2.0)):
        for leader in left:
            _send(leader, number)
            _send(leader, signal.SIGCONT)  # a stopped process takes no TERM
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            left = {leader: began for leader, began in left.items() if _lives(leader, began)}
            if left:
                time.sleep(_STEP)


def _ours(leader: int, began: str | None) -> bool:
    now = started(leader)
    return now is None or now == began


def _lives(leader: int, began: str | None) -> bool:
    if not _ours(leader, began):
        return False
    if started(leader) is not None:
        return True
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: only a zombie is left
        return False
    return _member_lives(leader)


def _member_lives(group: int) -> bool:
    """Whether a group without a living leader has a member that is more than a zombie."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                return True
    return not Path("/proc/self/stat").exists()


def _send(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def remove(folder: str) -> None:
    """Remove a folder; a process that is just ending may still write into it, hence the tries."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(0.1)


def watch(owner: int, grace: float) -> None:
    """Read lines until the owner is gone, then end and remove what is registered."""
    groups: dict[int, str | None] = {}
    folders: dict[str, None] = {}
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        while True:
            alone = os.getppid() != owner
            # What the owner wrote before it died is still to be read, also if it died before we began.
            if selector.select(0 if alone else _LOOK):
                if not (data := os.read(0, 65536)):
                    break
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    _take(json.loads(line), groups, folders)
            elif alone:
                break
    end(reversed(groups.items()), grace)
    for folder in folders:
        remove(folder)


def _take(order: dict[str, object], groups: dict[int, str | None], folders: dict[str, None]) -> None:
    match order:
        case {"group": int(pid)}:
            groups[pid] = started(pid)
        case {"forget": int(pid)}:
            groups.pop(pid, None)
        case {"folder": str(path)}:
            folders[path] = None
        case {"keep": str(path)}:
            folders.pop(path, None)


if __name__ == "__main__":
    # A terminal's Ctrl-C and hang-up are the owner's to answer.
    for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(_number, signal.SIG_IGN)
    watch(int(sys.argv[1]), float(sys.argv[2]))
