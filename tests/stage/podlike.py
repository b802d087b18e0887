"""A process as a Pod has it, as far as that goes without containers.

Another user, no right to more, a root that is read-only but for its own folder.

Contract: needs root; who is not runs it as it is, and ``AS_A_POD`` says so. Nothing outside the process's own
mount namespace changes.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

USER = 65534
AS_A_POD = os.geteuid() == 0

ROOT = Path(__file__).parents[2]
_STAGE = "/mnt"  # there on every Linux; hidden in the process's own namespace
_SCRIPT = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs {stage}
number=0
for place in {needed}; do
  number=$((number + 1)); mkdir {stage}/$number; mount --bind "$place" {stage}/$number
done
for shut in {shut}; do mount -t tmpfs -o mode=755 tmpfs "$shut"; done
number=0
for place in {needed}; do
  number=$((number + 1)); mkdir -p "$place"; mount --bind {stage}/$number "$place"
  test "$place" = {folder} || mount -o remount,bind,ro "$place"
done
mount -o remount,bind,ro /
cd {folder}
exec setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
"""


def before(folder: Path, *needed: Path) -> list[str]:
    """What to put before a command that may write to ``folder`` alone and reads the places that are ``needed``."""
    if not AS_A_POD:
        return []
    os.chown(folder, USER, USER)
    places = [Path(sys.base_prefix), ROOT, Path(sys.prefix), *needed, folder]
    # What only root may enter is hidden whole, but for what the process needs of it.
    closed = {parent for place in places for parent in place.parents if not parent.stat().st_mode & 0o001}
    shut = [one for one in closed if not any(other in one.parents for other in closed)]

    def words(paths: list[Path]) -> str:
        return " ".join(shlex.quote(str(path)) for path in paths)

    script = _SCRIPT.format(
        stage=_STAGE,
        folder=shlex.quote(str(folder)),
        needed=words(list(dict.fromkeys(places))),
        shut=words(shut) or '""',
        user=USER,
    ).replace('for shut in "";', "for shut in;")
    return ["unshare", "--mount", "sh", "-c", script, "sh"]
