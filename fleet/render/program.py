"""What a renderer needs of the confined programs: an interface, so that a test or a command can stand in for it.

Contract: a program runs on the files that it is given and on nothing else, under limits. It is ended with all
that it started when the render is called off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fleet.errors import FleetError


class Name(StrEnum):
    """The programs that there are."""

    HELM = "helm"
    KUBECTL = "kubectl"  # for `kubectl kustomize`
    KUSTOMIZE = "kustomize"


class ProgramMissing(FleetError):
    """The program is not on this machine; the text says how to get it."""

    reason = "RendererMissing"


class ProgramFailed(FleetError):
    """The program ended with an error. ``errors`` is what it wrote to stderr, bounded: the renderer words it."""

    reason = "RenderFailed"

    def __init__(self, text: str, *, status: int, errors: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.errors = errors


class LimitExceeded(FleetError):
    """The program was ended since it took too much: the text says of what, and how much is allowed."""

    reason = "RenderLimit"


class CalledOff(FleetError):
    """The render is superseded, or the hub stops."""

    reason = "CalledOff"
    transient = True


@dataclass(frozen=True, slots=True)
class Output:
    """What a program wrote."""

    stdout: bytes
    stderr: bytes


class Programs(Protocol):
    """The confined programs of one render. Blocking; for one thread."""

    def call_off(self) -> None:
        """End what runs; whatever is asked for afterwards raises `CalledOff`. For any thread."""

    def version(self, program: Name) -> str:
        """Such as ``v4.3.1``; found once. Raises `ProgramMissing`."""

    def run(
        self,
        program: Name,
        arguments: Sequence[str],
        files: Mapping[str, bytes],
        *,
        folder: str = "",
        beside: Sequence[Name] = (),
    ) -> Output:
        """Run it in a private folder that holds ``files`` (relative paths), beginning in ``folder`` of it.

        The programs ``beside`` it may be run by it; ``{helm}`` in an argument is where helm is then. Raises `ProgramMissing`, `ProgramFailed`, `LimitExceeded`, `CalledOff`. Neither text names a path outside.
        """


class NoPrograms:
    """`Programs` where there are none: plain YAML needs none."""

    def call_off(self) -> None:
        """See `Programs`."""

    def version(self, program: Name) -> str:
        """See `Programs`."""
        raise ProgramMissing(f"{program} is not installed")

    def run(
        self,
        program: Name,
        arguments: Sequence[str],
        files: Mapping[str, bytes],
        *,
        folder: str = "",
        beside: Sequence[Name] = (),
    ) -> Output:
        """See `Programs`."""
        del arguments, files, folder, beside
        raise ProgramMissing(f"{program} is not installed")
