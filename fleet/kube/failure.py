"""An API server's refusal as an ApiError in our own words. Pure.

Contract: the server's message is never passed on: it quotes values (an invalid field's, a webhook's text).
What is taken from it are names, by strict patterns: kinds, verbs, RBAC resources, webhooks, policies, quotas
and field paths. ``field`` is the first field at fault, ``word`` the Status's reason, ``cause`` the reason of
its first cause or our own word for a message that callers act on (FIELD_NOT_DECLARED,
DUPLICATE, PATCH_REFUSED).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from fleet.errors import (
    ApiError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    ServerFailed,
    Throttled,
)
from fleet.model import ObjectRef

Headers = Mapping[str, str]

FIELD_NOT_DECLARED: Final = "FieldNotDeclared"  # an old version's entry in managedFields (H22)
DUPLICATE: Final = "FieldValueDuplicate"
IMMUTABLE: Final = "FieldImmutable"  # the object would have to be deleted and made anew
PATCH_REFUSED: Final = "PatchRefused"  # a JSON patch whose test failed, or whose path is not there
UNKNOWN: Final = "the server did not say whether the write took effect"

_TOO_LARGE: Final = "ResourceVersionTooLarge"
_SERVER_FAULTS: Final = 500
_UNPROCESSABLE: Final = 422
_PATCH_MESSAGE: Final = "the server rejected our request due to an error in our request"
_IMMUTABLE_MESSAGE: Final = "field is immutable"
_AMBIGUOUS: Final = frozenset({502, 504})
# Server-side apply answers 500 without a reason for a manifest that does not fit its schema.
_UNFIT: Final = re.compile(r"^failed to (?:create typed|convert) (?:new|patch) object")
# An admission rule may answer with any status; it is no fault of the object, and may be gone the next time.
_DENIED: Final = re.compile(
    r"^(?:.* )?(?:ValidatingAdmissionPolicy '|admission webhook \").* denied (?:the )?request"
)
_NO_OUTCOME: Final = re.compile(rb"etcdserver: request timed out|context deadline exceeded|leader changed")


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct):
    name: str = ""
    group: str = ""
    kind: str = ""
    causes: list[_Cause] | None = None
    retryAfterSeconds: int = 0  # noqa: N815 (the server's name)


class _Status(msgspec.Struct):
    reason: str = ""
    message: str = ""
    details: _Details | None = None


_READ: Final = msgspec.json.Decoder(_Status)

_KINDS: Final[Mapping[int, type[ApiError]]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: Throttled,
    503: Throttled,
}

_SAYINGS: Final[Mapping[int, str]] = {
    400: "the API server cannot read the request",
    401: "the API server does not accept the credential",
    403: "the API server forbids it",
    404: "not found",
    409: "somebody else changed it first",
    410: "the resource version is too old",
    413: "the object is too large",
    415: "the API server does not take this form of request",
    422: "the object is not valid",
    429: "the API server asks to slow down",
    503: "the API server is not available",
}

_CAUSES: Final[Mapping[str, str]] = {
    "FieldValueRequired": "is required",
    "FieldValueNotFound": "names something that is not there",
    "FieldValueDuplicate": "is a duplicate",
    "FieldValueInvalid": "has an invalid value",
    "FieldValueNotSupported": "has a value that is not supported",
    "FieldValueForbidden": "may not be set or changed so",
    "FieldValueTooLong": "is too long",
    "FieldValueTooMany": "has too many items",
    "FieldValueTypeInvalid": "has a value of the wrong type",
    "FieldManagerConflict": "is owned by another field manager",
    IMMUTABLE: "cannot be changed on the live object, which has to be deleted and made anew for it",
    FIELD_NOT_DECLARED: "is not declared in the schema of that version",
}

_WORD = re.compile(r"[A-Z][A-Za-z]{0,62}")
_NAME = r"[a-z0-9](?:[a-z0-9.:_-]{0,251}[a-z0-9])?"
_VALUE = r"(?:\"[A-Za-z0-9_.-]{1,63}\"|\d{1,9})"
_KEYS = rf"(?!v=)[A-Za-z]+={_VALUE}(?:,[A-Za-z]+={_VALUE})*"  # of a list's item; v= is a value itself
_STEP = r"[A-Za-z$_][A-Za-z0-9_$-]*"
_ITEM = rf"\[(?:\*|[A-Za-z0-9_./-]{{1,253}}|{_KEYS})\]"
# Where a step begins is told by its dot alone: were that left open, a path that is none would be tried in every way to
# cut its letters, for hours, and nothing else of the process goes on meanwhile.
_FIELD = re.compile(rf"(?:{_STEP}|{_ITEM})(?:\.{_STEP}|{_ITEM})*")
_BARE = re.compile(rf"(?:{_STEP}|\[\.\.\.\])(?:\.{_STEP}|\[\.\.\.\])*")
_LONGEST = 1024


def unknown(status: int, body: bytes) -> bool:
    """Whether a refused write may have taken effect all the same."""
    return status in _AMBIGUOUS or (status >= _SERVER_FAULTS and _NO_OUTCOME.search(body) is not None)


def from_answer(status: int, body: bytes, headers: Headers, ref: ObjectRef | None) -> ApiError:
    """The error for an answer of 300 and above; it is returned, not raised."""
    try:
        told = _READ.decode(body)
    except msgspec.MsgspecError:
        told = _Status()
    details = told.details or _Details()
    causes = details.causes or []
    word = told.reason if _WORD.fullmatch(told.reason) else ""
    cause, field = _first(causes, told.message)
    kind = _KINDS.get(status, ServerFailed if status >= _SERVER_FAULTS else ApiError)
    if any(each.reason == _TOO_LARGE for each in causes):
        kind, cause = Expired, _TOO_LARGE
    elif status == _SERVER_FAULTS and _UNFIT.search(told.message):
        kind = Invalid
    elif status == _UNPROCESSABLE and told.message.startswith(_PATCH_MESSAGE):
        cause = PATCH_REFUSED
    elif kind is Invalid and _DENIED.search(told.message):
        kind = Forbidden
    text = _sentence(status, told, cause, field)
    error = kind(text if ref is None else f"{ref}: {text}", status=status, word=word, ref=ref, field=field)
    error.cause = cause
    if isinstance(error, Throttled):
        error.retry_after = _retry_after(headers, details)
    return error


def _first(causes: list[_Cause], message: str) -> tuple[str, str]:
    """The first cause's reason, and the first field that is named."""
    for each in causes:
        if each.field and _WORD.fullmatch(each.reason):
            reason = IMMUTABLE if each.message.endswith(_IMMUTABLE_MESSAGE) else each.reason
            return reason, _path(each.field)
    cause = next((each.reason for each in causes if _WORD.fullmatch(each.reason)), "")
    for pattern, reason in _IN_MESSAGE:
        found = pattern.search(message)
        if found:
            return reason or cause, _path(found["field"])
    return cause, ""


def _path(field: str) -> str:
    """A field's path as far as it holds names only; keys that may be values become ``[...]``."""
    path = field.lstrip(".").replace("<nil>", "")
    if len(path) > _LONGEST:
        return ""
    if _FIELD.fullmatch(path):
        return path
    path = re.sub(r"\[[^\]]*\]?", "[...]", path)
    return path if _BARE.fullmatch(path) else ""


_IN_MESSAGE: Final = (
    (
        re.compile(r"(?<![^\s:])(?P<field>\.[A-Za-z][^\s:]*): field not declared in schema"),
        FIELD_NOT_DECLARED,
    ),
    (
        re.compile(
            r"cannot unmarshal \w+ into Go struct field [A-Za-z]+(?P<field>(?:\.[A-Za-z0-9]+)+) of type"
        ),
        "FieldValueTypeInvalid",
    ),
    (re.compile(r"(?<![^\s:])(?P<field>\.[A-Za-z][^\s:]*): expected \w+"), "FieldValueTypeInvalid"),
    (re.compile(r"duplicate entries for key (?P<field>\[[^\]]*\])"), DUPLICATE),
)

# Tried in this order on the message; the groups are names.
_PATTERNS: Final = (
    (
        re.compile(
            rf"cannot (?P<verb>[a-z]+(?:-[a-z]+)*(?::[a-z]+(?:-[a-z]+)*){{0,3}}) resource \"(?P<resource>[a-z0-9./-]+)\" in API group "
            rf"\"(?P<group>[a-z0-9.-]*)\"(?: in the namespace \"(?P<namespace>{_NAME})\")?"
        ),
        "the credential may not {verb} {resource}{of_group}{in_namespace}",
    ),
    (
        re.compile(r"is attempting to grant RBAC permissions not currently held"),
        "it would grant permissions that the credential does not hold",
    ),
    (re.compile(rf"exceeded quota: (?P<name>{_NAME})"), "it exceeds the quota {name}"),
    (re.compile(r"violates PodSecurity \"(?P<name>[a-z]+:[a-z0-9.]+)\""), "it violates PodSecurity {name}"),
    (
        re.compile(rf"admission webhook \"(?P<name>{_NAME})\" denied the request"),
        "the admission webhook {name} denies it",
    ),
    (re.compile(rf"failed calling webhook \"(?P<name>{_NAME})\""), "the webhook {name} does not answer"),
    (
        re.compile(rf"ValidatingAdmissionPolicy '(?P<name>{_NAME})' with binding '{_NAME}' denied request"),
        "the ValidatingAdmissionPolicy {name} denies it",
    ),
    (re.compile(r"because it is being terminated"), "its namespace is being deleted"),
    (re.compile(r"^the server could not find the requested resource"), "the server does not serve this kind"),
    (re.compile(rf"^namespaces \"(?P<name>{_NAME})\" not found"), "namespace {name} does not exist"),
    (re.compile(rf"^{_PATCH_MESSAGE}"), "the patch does not fit the object as it is now"),
    (re.compile(r"storage is \(re\)initializing"), "the server is not ready to serve this kind yet"),
    (re.compile(r"illegal base64 data at input byte"), "a value is no base64"),
    (re.compile(r"[Tt]oo large resource version"), "the API server has not seen that version yet"),
    (re.compile(r"conversion webhook for"), "the kind's conversion webhook does not answer"),
)


def _sentence(status: int, told: _Status, cause: str, field: str) -> str:
    for pattern, phrase in _PATTERNS:
        found = pattern.search(told.message)
        if found:
            names = {name: value or "" for name, value in found.groupdict().items()}
            names["of_group"] = f" of {names['group']}" if names.get("group") else ""
            names["in_namespace"] = f" in namespace {names['namespace']}" if names.get("namespace") else ""
            return phrase.format_map(names)
    if cause in _CAUSES:
        more = len((told.details or _Details()).causes or []) - 1
        return f"{field or 'a field'} {_CAUSES[cause]}" + (f", and {more} more" if more > 0 else "")
    if told.reason == "AlreadyExists":
        return "it exists already"
    return _SAYINGS.get(status, f"the API server answered {status}") + (f" ({field})" if field else "")


def _retry_after(headers: Headers, details: _Details) -> float:
    told = headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() else float(max(0, details.retryAfterSeconds))
