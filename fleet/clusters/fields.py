"""Fields of a registration, read strictly: the type or a KubeconfigInvalid that names the field alone."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from fleet.errors import KubeconfigInvalid, KubeconfigRefused

_PEM: Final = b"-----BEGIN "


def table(value: Any, field: str) -> Mapping[str, Any]:
    """A mapping; absent and null read as empty."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise KubeconfigInvalid(f"{field} must be an object", field=field)
    return value


def text(value: Any, field: str) -> str | None:
    """A string; absent, null and empty read as None."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise KubeconfigInvalid(f"{field} must be a string", field=field)
    if any(unicodedata.category(each) == "Cc" for each in value):
        raise KubeconfigInvalid(f"{field} holds a control character", field=field)
    return value


def flag(value: Any, field: str) -> bool:
    """True or false; absent reads as false."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise KubeconfigInvalid(f"{field} must be true or false", field=field)
    return value


def pem(value: Any, field: str) -> bytes | None:
    """PEM out of base64; absent and empty read as None."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise KubeconfigInvalid(f"{field} must be a string", field=field)
    try:
        found = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise KubeconfigInvalid(f"{field} is not base64", field=field) from None
    if _PEM not in found:
        raise KubeconfigInvalid(f"{field} holds no PEM", field=field)
    return found


def server(value: Any, field: str) -> str:
    """The https URL of an API server, without a slash at its end."""
    found = text(value, field)
    if found is None:
        raise KubeconfigInvalid(f"{field} is required", field=field)
    scheme, host = _address(found, field)
    if scheme != "https":
        raise KubeconfigRefused(
            f"{field} must begin with https://: the hub sends no credential in clear", field=field
        )
    if not host or "?" in found or "#" in found:
        raise KubeconfigInvalid(f"{field} must be an https URL without query and fragment", field=field)
    return found.rstrip("/")


def proxy(value: Any, field: str, allowed: frozenset[str]) -> str | None:
    """The URL of a proxy, where its host is one that the hub was told to allow; absent reads as None."""
    found = text(value, field)
    if found is None:
        return None
    scheme, host = _address(found, field)
    if scheme not in ("http", "https"):
        raise KubeconfigRefused(f"{field} must begin with http:// or https://", field=field)
    if host not in {each.lower() for each in allowed}:
        raise KubeconfigRefused(
            f"{field} names a proxy whose host the hub was not told to allow: put it into the Cluster's "
            "spec.proxyURL, or allow the host when starting the hub",
            field=field,
        )
    return found.rstrip("/")


def credential(
    where: str,
    *,
    token: str | None,
    certificate: tuple[bytes | None, bytes | None],
    basic: tuple[str | None, str | None],
) -> dict[str, Any]:
    """The fields of a Connection that say who the hub is; ``where`` is the object that they stand in."""
    if (certificate[0] is None) != (certificate[1] is None):
        raise KubeconfigInvalid(f"{where}: a client certificate and its key go together", field=where)
    if (basic[0] is None) != (basic[1] is None):
        raise KubeconfigInvalid(f"{where}: username and password go together", field=where)
    if token and basic[0]:
        raise KubeconfigInvalid(f"{where} has both a token and a password", field=where)
    if not (token or certificate[0] or basic[0]):
        raise KubeconfigInvalid(f"{where} holds no credential", field=where)
    return {
        "token": token,
        "client_cert": certificate[0],
        "client_key": certificate[1],
        "basic": basic if basic[0] else None,
    }


def _address(value: str, field: str) -> tuple[str, str]:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises for what is no port
        host = parts.hostname or ""
    except ValueError:
        raise KubeconfigInvalid(f"{field} is not a URL", field=field) from None
    if any(each.isspace() for each in value):
        raise KubeconfigInvalid(f"{field} is not a URL", field=field)
    if "@" in parts.netloc:
        raise KubeconfigRefused(f"{field} holds a user or password", field=field)
    return parts.scheme, host
