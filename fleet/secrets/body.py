"""The Secret in clear, as what is sent to an API server.

Contract: pure. What the API server would refuse for its keys or its size is told here, without a value, and without a
key that came out of a store.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from fleet.secrets.refused import SecretRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.model import ObjectRef

LARGEST: Final = 1024 * 1024
MOST: Final = 4 * LARGEST  # that is read for one Secret, whatever of it comes into it
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
LAST_APPLIED: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
)


class Filling:
    """How much was put together for a Secret so far.

    It may be more than a Secret holds: what comes out of base64 is smaller, and a template picks from what was read.
    """

    def __init__(self, ref: ObjectRef) -> None:
        self._ref = ref
        self._left = MOST

    def add(self, size: int) -> None:
        """Count what was read. Raises SecretRefused."""
        self._left -= size
        if self._left < 0:
            raise SecretRefused(
                f"{self._ref}: what is read for it is over {MOST} bytes together, and a Secret holds {LARGEST} at most: "
                f"make several of it",
                ref=self._ref,
                field="data",
            )


def is_key(text: str) -> bool:
    """Whether a Secret may have a key of this name."""
    return _KEY.fullmatch(text) is not None and text not in (".", "..")


def secret(
    ref: ObjectRef,
    metadata: Mapping[str, Any],
    kind: str,
    data: Mapping[str, bytes],
    *,
    immutable: bool = False,
) -> bytes:
    """The manifest in JSON; ``kind`` is the Secret's type. Raises SecretRefused."""
    if not all(is_key(key) for key in data):
        raise SecretRefused(
            f"{ref}: a key that it would get is no key of a Secret: those have letters, digits and . _ -, 253 at most",
            ref=ref,
            field="data",
        )
    size = sum(len(value) for value in data.values())
    if size > LARGEST:
        raise SecretRefused(
            f"{ref}: it would hold {size} bytes, and a Secret holds {LARGEST} at most", ref=ref, field="data"
        )
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**metadata, "name": ref.name, "namespace": ref.namespace},
        "type": kind,
        **({"immutable": True} if immutable else {}),
        "data": {key: base64.b64encode(value).decode() for key, value in sorted(data.items())},
    }
    return orjson.dumps(made)
