"""Who opens what stands for a Secret: what a pass asks, and of whom. The worker knows no key and no store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fleet.errors import NotReady
from fleet.model import ApplicationKey, Manifest


@dataclass(frozen=True, slots=True)
class Asked:
    """One Secret that is to be resolved for one target. The manifest's ref is that of the live object."""

    manifest: Manifest
    application: ApplicationKey
    cluster: str


class Resolver(Protocol):
    """Who opens what stands for a Secret."""

    async def clear(self, asked: Asked) -> bytes:
        """The Secret's manifest in clear, as JSON. Raises FleetError, in words without content."""
        ...


class Nobody:
    """For a worker that was given no resolver."""

    async def clear(self, asked: Asked) -> bytes:
        """Nothing is opened."""
        raise NotReady("nobody opens secrets here", ref=asked.manifest.ref)
