"""Who opens what stands for a Secret: what a pass asks, and of whom. The worker knows no key and no store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fleet.errors import NotReady
from fleet.model import Manifest, ObjectRef, TargetKey, Walls


@dataclass(frozen=True, slots=True)
class Asked:
    """One Secret that is to be resolved for one target. The manifest's ref is that of the live object."""

    manifest: Manifest
    target: TargetKey
    walls: Walls = field(default_factory=Walls)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which version of its source a Secret stands for; ``gone``: of none, and so it is not to be there."""

    text: str = ""
    gone: bool = False


class Resolver(Protocol):
    """Who opens what stands for a Secret."""

    async def stamp(self, asked: Asked) -> Stamp:
        """Which version there is now, without reading what it holds. Raises FleetError."""
        ...

    async def clear(self, asked: Asked) -> bytes:
        """The Secret's manifest in clear, as JSON. Raises FleetError, in words without content."""
        ...

    def retain(self, target: TargetKey, refs: frozenset[ObjectRef]) -> None:
        """These are all the Secrets of the target that are read from elsewhere: others are followed no more."""
        ...


class Nobody:
    """For a worker that was given no resolver."""

    async def stamp(self, asked: Asked) -> Stamp:
        """Nothing is known."""
        raise NotReady("nobody opens secrets here", ref=asked.manifest.ref)

    async def clear(self, asked: Asked) -> bytes:
        """Nothing is opened."""
        raise NotReady("nobody opens secrets here", ref=asked.manifest.ref)

    def retain(self, target: TargetKey, refs: frozenset[ObjectRef]) -> None:
        """Nothing is followed."""
