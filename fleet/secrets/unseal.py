"""A SealedSecret -> the Secret in clear, for one cluster.

Contract: blocks for RSA operations and templates, and may run in any thread; nothing of the answer is kept here. Errors
name the object, its keys and the rings of the cluster, never a value.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import orjson

from fleet.errors import FleetError
from fleet.secrets import refused, seal
from fleet.secrets.forms import sealed
from fleet.secrets.refused import SecretRefused
from fleet.secrets.seal import SealBroken
from fleet.secrets.template import Rendering

if TYPE_CHECKING:
    from fleet.model import Manifest
    from fleet.secrets.keyring import Keyring

SHOWN: Final = 5


class SealClosed(FleetError):
    """A sealed value that no key of the cluster's rings opens at its place."""

    reason = "SealClosed"


def unseal(manifest: Manifest, cluster: str, rings: tuple[str, ...], keyring: Keyring) -> bytes:
    """The Secret's manifest, as JSON. Raises SealClosed, SealBroken, SecretRefused."""
    found = sealed.read(manifest)
    ref = manifest.ref
    refused.check(ref, found.type)
    place = seal.label(found.scope, ref.namespace, ref.name)
    values: dict[str, bytes] = {}
    closed: list[str] = []
    opened = keyring.at(rings, place)
    for key, text in found.encrypted.items():
        try:
            value = opened(seal.parse(text))
        except SealBroken as error:
            where = f"spec.encryptedData.{key}"
            raise SealBroken(
                f"SealedSecret {ref.namespace}/{ref.name}: {where}: {error.text}", ref=ref, field=where
            ) from None
        if value is None:
            closed.append(key)
        else:
            values[key] = value
    if closed:
        raise SealClosed(_why(manifest, found, closed, cluster, rings), ref=ref, field="spec.encryptedData")
    data = {key: value for key, value in values.items() if key not in found.omitted}
    # As the controller does since v0.40.0: what is sealed counts before a template of the same key.
    data = {**_texts(manifest, found, values), **data}
    return orjson.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**found.metadata, "name": ref.name, "namespace": ref.namespace},
            "type": found.type,
            **({"immutable": True} if found.immutable else {}),
            "data": {key: base64.b64encode(value).decode() for key, value in sorted(data.items())},
        }
    )


def _texts(manifest: Manifest, found: sealed.Sealed, values: dict[str, bytes]) -> dict[str, bytes]:
    """The keys that templates make of the values."""
    if not found.texts:
        return {}
    ref = manifest.ref
    where = f"SealedSecret {ref.namespace}/{ref.name}: spec.template.data"
    rendering = Rendering(values)
    made = {}
    for key, text in found.texts.items():
        try:
            made[key] = rendering.render(text, name=key)
        except FleetError as error:
            raise SecretRefused(
                f"{where}.{key}: {error.text}", ref=ref, field=f"spec.template.data.{key}"
            ) from None
    return made


def _why(
    manifest: Manifest, found: sealed.Sealed, closed: list[str], cluster: str, rings: tuple[str, ...]
) -> str:
    ref = manifest.ref
    keys = ", ".join(sorted(closed)[:SHOWN]) + (f" and {len(closed) - SHOWN} more" if closed[SHOWN:] else "")
    which = f"ring {', '.join(rings)}" if rings else "no ring"
    return (
        f"SealedSecret {ref.namespace}/{ref.name} ({found.scope.value}): {keys}: no key opens it here: cluster {cluster} is "
        f"served by {which}. It was sealed for another ring, or for another name or namespace, or its key is not on the "
        f"hub: 'fleethub seal --check FILE' tells, 'fleethub seal-key list' shows the keys"
    )
