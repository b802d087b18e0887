"""Messages are those of a real kube-apiserver v1.36.3, with a canary where it quotes a value."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
from fleet.kube import failure
from fleet.model import ObjectRef

CANARY = "hunter2"
REF = ObjectRef("apps", "Deployment", "shop", "web")


def answer(
    status: int, message: str = "", reason: str = "", headers: dict[str, str] | None = None, **details: Any
) -> ApiError:
    body = {"kind": "Status", "message": message, "reason": reason, "details": details, "code": status}
    return failure.from_answer(status, json.dumps(body).encode(), headers or {}, REF)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Forbidden),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, Expired),
        (422, Invalid),
        (429, Throttled),
        (503, Throttled),
        (500, ServerFailed),
        (504, ServerFailed),
        (418, ApiError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = answer(status, f"oh {CANARY}")
    assert type(error) is kind
    assert error.status == status
    assert error.ref == REF
    assert str(REF) in str(error)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500, 503])
def test_the_server_s_message_is_never_quoted(status: int) -> None:
    error = answer(
        status,
        f'Deployment "web" is invalid: spec.x: Invalid value: "{CANARY}"',
        f"Bad {CANARY}",
        causes=[{"reason": "FieldValueInvalid", "message": f'Invalid value: "{CANARY}"', "field": "spec.x"}],
    )
    assert CANARY not in str(error)
    assert error.word == ""


def test_the_field_is_that_of_the_first_cause() -> None:
    causes = [
        {
            "reason": "FieldValueInvalid",
            "message": "",
            "field": "spec.template.spec.containers[0].ports[1].name",
        },
        {"reason": "FieldValueRequired", "message": "", "field": "spec.selector"},
    ]
    error = answer(422, "", "Invalid", causes=causes)
    assert error.field == "spec.template.spec.containers[0].ports[1].name"
    assert error.cause == "FieldValueInvalid"
    assert str(error).endswith("has an invalid value, and 1 more")


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (".data.a", "data.a"),
        ("metadata.annotations[example.com/x]", "metadata.annotations[example.com/x]"),
        ('.spec.containers[name="web"].image', 'spec.containers[name="web"].image'),
        ('.spec.ports[port=80,protocol="TCP"].nodePort', 'spec.ports[port=80,protocol="TCP"].nodePort'),
        (f'.metadata.finalizers[v="{CANARY}"]', "metadata.finalizers[...]"),
        (f"data[{CANARY} and more]", "data[...]"),
        (f'"{CANARY}"', ""),
        ("<nil>", ""),
        # Of paths that are none at their end: however many letters come before, they are told at once.
        (
            "spec.template.spec.containers[0].resources.limits[cpu ]",
            "spec.template.spec.containers[...].resources.limits[...]",
        ),
        (".spec.template.metadata.annotations.prometheus.io/scrape", ""),
        ("spec" + ".template" * 10_000 + "/", ""),
    ],
)
def test_a_path_is_shown_as_far_as_it_is_names(field: str, shown: str) -> None:
    error = answer(
        422, "", "Invalid", causes=[{"reason": "FieldValueInvalid", "message": "", "field": field}]
    )
    assert error.field == shown
    assert CANARY not in str(error)


def test_a_refusal_by_rbac_names_verb_and_resource() -> None:
    message = (
        'deployments.apps "web" is forbidden: User "system:serviceaccount:x:y" cannot patch resource '
        '"deployments" in API group "apps" in the namespace "shop"'
    )
    text = str(answer(403, message, "Forbidden"))
    assert text.endswith("the credential may not patch deployments of apps in namespace shop")


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (403, "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1", "quota small"),
        (403, 'violates PodSecurity "restricted:latest": hunter2', "PodSecurity restricted:latest"),
        (
            403,
            'admission webhook "a.example.com" denied the request: hunter2',
            "webhook a.example.com denies",
        ),
        (
            500,
            'failed calling webhook "a.example.com": Post "https://hunter2"',
            "a.example.com does not answer",
        ),
        (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2", "Policy p denies"),
        (429, "storage is (re)initializing", "not ready to serve this kind"),
        (404, 'namespaces "nope" not found', "namespace nope does not exist"),
        (404, "the server could not find the requested resource", "does not serve this kind"),
        (
            403,
            "user hunter2 is attempting to grant RBAC permissions not currently held: hunter2",
            "would grant",
        ),
        (403, "unable to create new content in namespace x because it is being terminated", "being deleted"),
    ],
)
def test_known_refusals_are_said_in_our_words(status: int, message: str, words: str) -> None:
    text = str(answer(status, message))
    assert words in text
    assert CANARY not in text


@pytest.mark.parametrize(
    ("message", "cause", "field"),
    [
        (
            (
                "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): "
                ".spec.template.foo: field not declared in schema"
            ),
            failure.FIELD_NOT_DECLARED,
            "spec.template.foo",
        ),
        (
            (
                "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): "
                ".spec.replicas: expected numeric (int or float), got string"
            ),
            "FieldValueTypeInvalid",
            "spec.replicas",
        ),
        (
            (
                "failed to create typed patch object (/x; /v1, Kind=ConfigMap): "
                ".metadata.labels: expected map, got &{hunter2}"
            ),
            "FieldValueTypeInvalid",
            "metadata.labels",
        ),
        (
            (
                "failed to convert new object (/s; /v1, Kind=Secret) to proper version: unable to convert "
                "unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at "
                "input byte 7"
            ),
            "",
            "",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_invalid_though_the_server_answers_500(
    message: str, cause: str, field: str
) -> None:
    error = answer(500, message)
    assert isinstance(error, Invalid)
    assert (error.status, error.cause, error.field) == (500, cause, field)
    assert CANARY not in str(error)


def test_an_old_version_s_entry_is_told_from_a_manifest_s_own_fault() -> None:
    message = "failed to prune fields: failed add back owned items: .spec.d: field not declared in schema"
    error = answer(500, message)
    assert isinstance(error, ServerFailed)
    assert (error.cause, error.field) == (failure.FIELD_NOT_DECLARED, "spec.d")


def test_duplicate_list_keys_are_named() -> None:
    message = (
        "failed to create manager for existing fields: .spec.ports: duplicate entries for key "
        '[port=80,protocol="TCP"]'
    )
    assert answer(500, message).cause == failure.DUPLICATE


def test_a_field_of_the_wrong_json_type_is_named() -> None:
    message = (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into '
        "Go struct field DeploymentSpec.spec.replicas of type int32"
    )
    error = answer(400, message, "BadRequest")
    assert (error.field, error.cause) == ("spec.replicas", "FieldValueTypeInvalid")


def test_a_json_patch_that_does_not_fit_has_its_own_cause() -> None:
    error = answer(422, "the server rejected our request due to an error in our request", "Invalid")
    assert isinstance(error, Invalid)
    assert error.cause == failure.PATCH_REFUSED


def test_a_version_of_the_future_is_expired() -> None:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    assert isinstance(
        answer(504, "Timeout: Too large resource version: 9", "Timeout", causes=causes), Expired
    )


def test_the_wait_is_that_of_the_header_then_of_the_details() -> None:
    error = answer(429, "", "TooManyRequests", {"Retry-After": "7"}, retryAfterSeconds=3)
    assert isinstance(error, Throttled)
    assert error.retry_after == 7.0
    error = answer(503, "", "", {"Retry-After": "soon"}, retryAfterSeconds=3)
    assert isinstance(error, Throttled)
    assert error.retry_after == 3.0


@pytest.mark.parametrize("body", [b"", b"<html>hunter2</html>", b"[1]", b'{"details": 7}', b"\xff"])
def test_a_body_that_is_no_status_still_makes_an_error(body: bytes) -> None:
    error = failure.from_answer(502, body, {}, None)
    assert isinstance(error, ServerFailed)
    assert CANARY not in str(error)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (502, b"", True),
        (504, b"", True),
        (500, b"etcdserver: request timed out", True),
        (500, b"context deadline exceeded", True),
        (500, b"field not declared in schema", False),
        (503, b"", False),
        (409, b"context deadline exceeded", False),
    ],
)
def test_some_refusals_leave_a_write_open(status: int, body: bytes, expected: bool) -> None:  # noqa: FBT001
    assert failure.unknown(status, body) is expected


def test_what_may_not_be_impersonated_is_named_in_either_form_of_the_server() -> None:
    old = 'serviceaccounts "team" is forbidden: User "hub" cannot impersonate resource "serviceaccounts" in API group ""'
    new = (
        'configmaps "a" is forbidden: User "hub" cannot impersonate-on:serviceaccount:patch resource "configmaps" '
        'in API group "" in the namespace "fleethub"'
    )
    assert "may not impersonate serviceaccounts" in answer(403, old, "Forbidden").text
    assert "may not impersonate-on:serviceaccount:patch configmaps" in answer(403, new, "Forbidden").text


@pytest.mark.parametrize(
    "message",
    [
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2",
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2",
        'admission webhook "a.example.com" denied the request: hunter2',
    ],
)
def test_what_an_admission_rule_refuses_may_be_taken_later(message: str) -> None:
    error = answer(422, message, "Invalid")
    assert isinstance(error, Forbidden)
    assert error.transient
    assert "hunter2" not in error.text


def test_what_is_not_valid_stays_so() -> None:
    assert not answer(422, "is invalid: denied request", "Invalid").transient
