"""Which version of its sources a Secret stands for. Contract: values, and nothing of what the sources hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fleet.facts import Facts
from fleet.model import ApplicationKey, Walls

if TYPE_CHECKING:
    from collections.abc import Mapping

# Versions count from 1.
_PIN: Final = re.compile(r"(?P<path>.+)=(?P<number>[1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Place:
    """For whom a Secret is resolved: the Application, the facts of its cluster, what its Projects let be read.

    ``pins`` hold back paths of Vault at a version, by ``MOUNT/PATH``.
    """

    application: ApplicationKey
    facts: Facts
    walls: Walls
    pins: Mapping[str, int] = field(default_factory=dict)

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self.facts.name


@dataclass(frozen=True, slots=True)
class Stamped:
    """``text`` changes whenever what the sources hold does; ``gone``: they hold nothing, and the Secret goes too.

    ``interval`` are the seconds after which it is looked at again, 0 for never, ``until`` is the
    wall time at which it changes by itself; ``sources`` name what it was read from, and the version of each in words for people.
    """

    text: str
    gone: bool = False
    interval: float = 0.0
    until: float | None = None
    sources: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def pins(text: str) -> dict[str, int]:
    """Give the versions that ``PATH=N`` by comma or space holds paths at; what does not read holds nothing."""
    found = (_PIN.fullmatch(word) for word in text.replace(",", " ").split())
    return {one["path"].strip("/"): int(one["number"]) for one in found if one is not None}
