"""What is given for the first day is looked at before anything is made of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

import pytest

from fleet.cli import dayzero
from fleet.cli.errors import CliError
from fleet.cli.options import Hub
from fleet.cli.session import Session
from fleet.errors import NotFound
from fleet.kube.request import Answer, Request

GIVEN: dict[str, Any] = {
    "root": "https://git.example/acme/fleet.git",
    "path": "clusters",
    "revision": None,
    "repository_credential": None,
    "seal_key": None,
    "register_self": None,
    "self_labels": (),
}
URL = "stringData: {url: https://git.example/acme, password: hunter2}"


@pytest.mark.parametrize("option", ["repository_credential", "seal_key"])
@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("kind: Secret\nmetadata: hunter2\n", "metadata"),
        (f"kind: Secret\nmetadata: {{name: 5}}\n{URL}\n", "metadata.name"),
        (f"kind: Secret\nmetadata: {{name: x, labels: [hunter2]}}\n{URL}\n", "metadata.labels"),
        (f"kind: Secret\nmetadata: {{name: x, annotations: {{a: 5}}}}\n{URL}\n", "metadata.annotations"),
        ("kind: Secret\nmetadata: {name: x}\nstringData: [hunter2]\n", "stringData"),
        ("kind: Secret\nmetadata: {name: x}\ndata: hunter2\n", "data"),
        ("kind: Secret\nmetadata: {name: x}\ndata: {tls.key: 5}\n", "data"),
    ],
)
def test_a_file_with_a_field_of_another_type_is_refused_by_that_field_and_unquoted(
    tmp_path: Path, option: str, text: str, field: str
) -> None:
    (tmp_path / "given.yaml").write_text(text)
    with pytest.raises(CliError) as caught:
        dayzero.read("fleethub", {**GIVEN, option: str(tmp_path / "given.yaml")})
    assert field in caught.value.message.split()
    assert "hunter2" not in caught.value.message


def test_a_credential_does_not_take_the_place_of_a_secret_of_the_hubs_own(tmp_path: Path) -> None:
    file = tmp_path / "git.yaml"
    for name in ("fleethub-api", "sealed-secrets-key-first"):
        file.write_text(f"kind: Secret\nmetadata: {{name: {name}}}\n{URL}\n")
        with pytest.raises(CliError, match="one of the hub's own"):
            dayzero.read("fleethub", {**GIVEN, "repository_credential": str(file)})
    file.write_text(f"kind: Secret\n{URL}\n")
    found = dayzero.read("fleethub", {**GIVEN, "repository_credential": str(file)})
    assert found.credential is not None
    assert found.credential["metadata"]["name"] == dayzero.CREDENTIAL


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"register_self": "Home Cluster"}, "--register-self"),
        ({"register_self": "-x"}, "--register-self"),
        ({"register_self": "a" * 250}, "--register-self"),
        ({"self_labels": (("tier", "hub"),)}, "--register-self"),
        ({"register_self": "home", "self_labels": (("tier", "a b"),)}, "--self-label"),
        ({"register_self": "home", "self_labels": (("tier", "a" * 64),)}, "--self-label"),
        ({"register_self": "home", "self_labels": (("/x", "a"),)}, "--self-label"),
    ],
)
def test_a_name_or_label_that_no_cluster_can_have_is_refused_before_anything_is_made(
    given: dict[str, Any], option: str
) -> None:
    with pytest.raises(CliError, match=option):
        dayzero.read("fleethub", {**GIVEN, **given})
    assert dayzero.read("fleethub", {**GIVEN, "register_self": "home", "self_labels": (("a/b", ""),)})


async def test_a_hub_in_pods_trusts_whom_pods_trust_not_whom_the_kubeconfig_of_a_person_names() -> None:

    async def send(request: Request) -> Answer:
        if "configmaps" in request.path:
            return Answer(200, json.dumps({"data": {"ca.crt": "of the cluster"}}).encode())
        if request.path.endswith("/token"):
            return Answer(200, json.dumps({"status": {"token": "t"}}).encode())
        if request.verb == "PATCH" and request.path.endswith("/secrets/home-kubeconfig"):
            written.append(json.loads(request.body or b""))
        if request.path.endswith("/secrets/home-kubeconfig") and request.verb == "GET":
            raise NotFound("no", status=404)
        return Answer(200, json.dumps({"metadata": {"uid": "u"}, "items": []}).encode())

    written: list[dict[str, Any]] = []
    kubeconfig = {
        "clusters": [{"name": "x", "cluster": {"server": "https://gate.example"}}],
        "users": [{"name": "x", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    with NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(kubeconfig))
        file.flush()
        session = Session(Hub(kubeconfig=file.name), send, cast("Any", None))
        await dayzero.tell(session, dayzero.Given(self_name="home"), in_pod=True)
    text = base64.b64decode(written[0]["data"]["kubeconfig"]).decode()
    assert f"server: {dayzero.IN_POD}" in text
    assert base64.b64encode(b"of the cluster").decode() in text
