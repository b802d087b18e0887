"""A Secret -> a SealedSecret, as kubeseal makes it.

Contract: pure. A template keeps the Secret's metadata and type, without what would tell its content (last-applied
annotations hold it).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from fleet.cli.errors import CliError
from fleet.secrets import seal
from fleet.secrets.forms.sealed import GROUP, KIND, VERSION
from fleet.secrets.seal import CLUSTER_WIDE, NAMESPACE_WIDE, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.secrets.keys import PublicKey

_LAST_APPLIED: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
)
_MARKS: Final = {Scope.NAMESPACE: NAMESPACE_WIDE, Scope.CLUSTER: CLUSTER_WIDE}


def values(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """A Secret's values. CliError for what is no text or no base64."""
    found: dict[str, bytes] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True)
        except (TypeError, binascii.Error):
            raise CliError(f"data.{key} is no base64", hint="Use stringData for plain text") from None
    for key, value in (secret.get("stringData") or {}).items():
        if not isinstance(value, str):
            raise CliError(f"stringData.{key} must be a string", hint="Quote it")
        found[key] = value.encode()
    return found


def sealed(
    secret: Mapping[str, Any], clear: Mapping[str, bytes], scope: Scope, key: PublicKey
) -> dict[str, Any]:
    """The SealedSecret of a Secret with these values."""
    metadata = secret.get("metadata") or {}
    name, namespace = str(metadata.get("name") or ""), str(metadata.get("namespace") or "")
    if not name:
        raise CliError("the Secret has no name", hint="Give metadata.name, or --name")
    if not namespace and scope is not Scope.CLUSTER:
        raise CliError(
            "the Secret has no namespace, which its seal is bound to",
            hint="Give metadata.namespace, or --target-namespace",
        )
    place = seal.label(scope, namespace, name)
    marks = {_MARKS[scope]: "true"} if scope in _MARKS else {}
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _LAST_APPLIED
    }
    where = {"name": name, **({"namespace": namespace} if namespace else {})}
    template_metadata: dict[str, Any] = {**where}
    if labels := metadata.get("labels"):
        template_metadata["labels"] = labels
    if annotations or marks:
        template_metadata["annotations"] = {**annotations, **marks}
    template: dict[str, Any] = {"metadata": template_metadata}
    if secret.get("type"):
        template["type"] = secret["type"]
    if secret.get("immutable"):
        template["immutable"] = True
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {**where, **({"annotations": marks} if marks else {})},
        "spec": {
            "encryptedData": {name: seal.seal(key, place, value) for name, value in sorted(clear.items())},
            "template": template,
        },
    }


def merged(before: Mapping[str, Any], clear: Mapping[str, bytes], key: PublicKey) -> dict[str, Any]:
    """A SealedSecret with these values besides, or instead of, those that it has; its scope and template stay."""
    if before.get("kind") != KIND:
        raise CliError("--merge-into names a file that holds no SealedSecret")
    metadata = before.get("metadata") or {}
    scope = seal.scope(metadata.get("annotations") or {})
    place = seal.label(scope, str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
    spec = dict(before.get("spec") or {})
    made = {name: seal.seal(key, place, value) for name, value in sorted(clear.items())}
    return {**before, "spec": {**spec, "encryptedData": {**(spec.get("encryptedData") or {}), **made}}}
