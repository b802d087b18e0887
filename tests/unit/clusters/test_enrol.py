"""What enrolling asks of a member; that a server grants it, tests of real servers show."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from http import HTTPStatus

import pytest

from fleet.cli import hub_objects
from fleet.clusters.enrol import Enrolled, enrol, unenrol
from fleet.clusters.registration import Scope
from fleet.errors import Conflict, Forbidden, NotFound, RegistrationError, ServerFailed
from fleet.kube.request import Answer, Request

META = json.dumps({"metadata": {"uid": "u", "resourceVersion": "7"}}).encode()
GRANTED = json.dumps({"status": {"token": "hunter2", "expirationTimestamp": "2026-12-25T09:00:00Z"}}).encode()


class Member:
    """A door that writes down what is asked and answers by ``answer``."""

    def __init__(self, answer: Callable[[Request], bytes]) -> None:
        self.asked: list[Request] = []
        self._answer = answer

    async def send(self, request: Request) -> Answer:
        self.asked.append(request)
        return Answer(HTTPStatus.OK, self._answer(request))

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(each.verb, each.path) for each in self.asked if each.writes]


def granting(request: Request) -> bytes:
    if request.verb == "GET":
        raise NotFound("no", status=404)
    return GRANTED if request.path.endswith("/token") else META


async def test_an_account_its_rights_and_a_token_for_thirty_days_are_asked_in_this_order() -> None:
    member = Member(granting)
    found = await enrol(member.send, "eu-1")
    assert member.writes == [
        ("PATCH", "/api/v1/namespaces/fleethub"),
        ("PATCH", "/api/v1/namespaces/fleethub/serviceaccounts/fleethub"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/fleethub"),
        ("POST", "/api/v1/namespaces/fleethub/serviceaccounts/fleethub/token"),
    ]
    assert json.loads(member.asked[-1].body or b"")["spec"] == {"expirationSeconds": 2592000}
    assert (found.token, found.expires) == ("hunter2", 1798189200.0)


async def test_what_was_granted_is_told_without_the_token() -> None:
    found = await enrol(Member(granting).send, "eu-1")
    assert "cluster-admin" in found.granted[1]
    assert found.granted[2].endswith("valid until 2026-12-25 09:00 UTC")
    assert "hunter2" not in repr(found)
    assert isinstance(found, Enrolled)


async def test_a_list_of_namespaces_is_not_yet_granted_as_if_it_were_the_cluster() -> None:
    member = Member(granting)
    with pytest.raises(RegistrationError):
        await enrol(member.send, "eu-1", Scope(("team",)))
    assert member.asked == []


async def test_an_answer_that_is_no_token_is_not_quoted() -> None:
    with pytest.raises(ServerFailed) as caught:
        await enrol(Member(lambda _: b'"hunter2"').send, "eu-1")
    assert "hunter2" not in str(caught.value)


async def test_the_rights_go_before_the_account_and_only_as_they_were_seen() -> None:
    member = Member(lambda _: META)
    removed = await unenrol(member.send)
    assert [path.rpartition("/")[0].rpartition("/")[2] for _, path in member.writes] == [
        "clusterrolebindings",
        "rolebindings",
        "roles",
        "clusterroles",
        "serviceaccounts",
    ]
    first = next(one for one in member.asked if one.writes)
    assert json.loads(first.body or b"")["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    assert len(removed) == len(member.writes)


async def test_what_is_gone_already_is_not_told_as_removed() -> None:
    def gone(_: Request) -> bytes:
        raise NotFound("no", status=404)

    assert await unenrol(Member(gone).send) == ()


async def test_a_binding_that_somebody_wrote_meanwhile_is_looked_at_again() -> None:
    conflicts = itertools.chain([True], itertools.repeat(False))

    def busy(request: Request) -> bytes:
        if request.verb == "DELETE" and next(conflicts):
            raise Conflict("no", status=409)
        return META

    member = Member(busy)
    assert len(await unenrol(member.send)) == len({path for _, path in member.writes})


async def test_an_account_that_has_lost_its_rights_is_left() -> None:
    def own(request: Request) -> bytes:
        if "clusterrolebindings" not in request.path:
            raise Forbidden("no", status=403)
        return META

    assert await unenrol(Member(own).send) == ("ClusterRoleBinding fleethub",)


async def test_no_right_at_all_is_an_error() -> None:
    def stranger(_: Request) -> bytes:
        raise Forbidden("no", status=403)

    with pytest.raises(Forbidden):
        await unenrol(Member(stranger).send)


async def test_the_account_of_a_hub_is_not_taken_for_that_of_a_member() -> None:
    (installed,) = [body for body in hub_objects.rights("fleethub") if body["kind"] == "ClusterRoleBinding"]
    installed["metadata"].update(uid="u", resourceVersion="7")
    member = Member(lambda request: json.dumps(installed).encode() if request.verb == "GET" else META)
    with pytest.raises(RegistrationError, match="--register-self"):
        await enrol(member.send, "home")
    assert member.writes == []
    assert len(await unenrol(member.send)) == 2
    assert [path for _, path in member.writes] == [
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/fleethub-member",
        "/api/v1/namespaces/fleethub-member/serviceaccounts/fleethub",
    ]
