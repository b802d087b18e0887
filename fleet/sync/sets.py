"""The name and id of a target's ApplySet.

Contract: pure. Both follow from the Application's key alone, so that every hub finds the same set on a
member. The id is KEP-3659's as kubectl computes it: a hash of the parent's name, namespace, kind and group.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from fleet import names

if TYPE_CHECKING:
    from fleet.model import ApplicationKey, TargetKey

_LONGEST: Final = 253
_HASH: Final = 16


def parent_name(application: ApplicationKey) -> str:
    """Name the parent ConfigMap; a namespace holds no dot, so the first one after ``app`` ends it."""
    name = f"app.{application.namespace}.{application.name}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    return f"{name[: _LONGEST - _HASH - 1].rstrip('.-')}-{digest}"


def set_id(target: TargetKey, namespace: str = names.MEMBER_NAMESPACE) -> str:
    """Compute the value of the part-of label of the target's members; ``namespace`` is where parents live."""
    unencoded = f"{parent_name(target.application)}.{namespace}.ConfigMap."
    digest = hashlib.sha256(unencoded.encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"
