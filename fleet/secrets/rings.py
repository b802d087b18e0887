"""Rings: which sealing keys serve which clusters.

Contract: pure. The ConfigMap ``fleethub-rings`` has an entry a ring, whose value is a label selector of clusters in YAML.
The ring ``hub`` serves the hub itself and no cluster. Where there is no ConfigMap, there are ``hub`` and ``default``,
which serves the clusters without label ``env``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fleet import names
from fleet.api import parse
from fleet.api.selector import LabelSelector, matches
from fleet.documents.read import value
from fleet.errors import DocumentError, InvalidObject

if TYPE_CHECKING:
    from collections.abc import Mapping

HUB: Final = "hub"
DEFAULT: Final = "default"
ENVIRONMENT: Final = "env"


@dataclass(frozen=True, slots=True)
class Rings:
    """The rings and the clusters that they select; ``faults`` are entries that do not read, by ring."""

    selectors: Mapping[str, LabelSelector]
    faults: Mapping[str, str] = field(default_factory=dict)

    def serving(self, cluster: str, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The rings whose keys open what is meant for a cluster, sorted."""
        if cluster == names.HUB_CLUSTER:
            return (HUB,)
        return tuple(
            sorted(
                ring for ring, selector in self.selectors.items() if ring != HUB and matches(selector, labels)
            )
        )


def default() -> Rings:
    """The rings where nobody has written any."""
    return read(entries())


def entries() -> dict[str, str]:
    """What install writes into the ConfigMap."""
    return {
        HUB: "# opens what is meant for the hub itself; selects no cluster\n",
        DEFAULT: f"matchExpressions: [{{key: {ENVIRONMENT}, operator: DoesNotExist}}]\n",
    }


def named(environment: str) -> str:
    """The ring of one environment: of its name, unless that is another ring's by itself."""
    return f"{ENVIRONMENT}-{environment}" if environment in (HUB, DEFAULT) else environment


def entry(environment: str) -> str:
    """The entry of the ring of one environment."""
    # Quoted: bare, a label such as 1, no or null would be read as another type.
    return f"matchLabels: {{{ENVIRONMENT}: {json.dumps(environment)}}}\n"


def read(data: Mapping[str, Any]) -> Rings:
    """Read the ConfigMap's data; what does not read serves no cluster."""
    selectors: dict[str, LabelSelector] = {}
    faults: dict[str, str] = {}
    for ring, text in sorted(data.items()):
        if ring == HUB:
            selectors[ring] = LabelSelector()
            continue
        try:
            selectors[ring] = parse.selector(value(str(text).encode(), path=ring))
        except (DocumentError, InvalidObject) as error:
            faults[ring] = (
                f"ConfigMap {names.RINGS}: {ring} is no label selector ({error.text}); the ring serves no cluster"
            )
    return Rings(selectors, faults)
