"""What enrolling asks of a member; that a server grants it, tests of real servers show."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from http import HTTPStatus

import pytest

from fleet.cli import hub_objects
from fleet.clusters import rights
from fleet.clusters.enrol import Enrolled, enrol, scope_of, stands, unenrol
from fleet.clusters.registration import IMPERSONATING, WHOLE, Scope
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


class Limited:
    """A member with an account that is limited to some namespaces; ``gone`` are not there."""

    def __init__(self, *namespaces: str, gone: tuple[str, ...] = ()) -> None:
        self.namespaces = namespaces
        self.gone = gone

    def __call__(self, request: Request) -> bytes:
        last = request.path.rpartition("/")[2]
        if request.verb != "GET" or last not in (rights.WITHIN, "fleethub"):
            if last in self.gone:
                raise NotFound("no", status=404)
            return GRANTED if last == "token" else META
        if "clusterrolebindings" in request.path:
            reference = {"roleRef": {"name": rights.WITHIN if self.namespaces else "cluster-admin"}}
            return json.dumps({**json.loads(META), **reference}).encode()
        if "clusterroles" in request.path:
            if not self.namespaces:
                raise NotFound("no", status=404)
            return json.dumps({**json.loads(META), **rights.reading(self.namespaces)}).encode()
        return META


RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def test_an_account_for_namespaces_has_a_role_in_each_and_reads_nothing_else() -> None:
    member = Member(Limited("a"))
    found = await enrol(member.send, "eu-1", Scope(("a", "b")))
    roles = [path for _, path in member.writes if "/roles/" in path]
    spaces = ("a", "b", "fleethub")
    assert roles == [
        f"{RBAC}/namespaces/{space}/roles/{'fleethub' if space == 'fleethub' else rights.WITHIN}"
        for space in spaces
    ]
    (reading,) = [
        one for one in member.asked if one.path == f"{RBAC}/clusterroles/{rights.WITHIN}" and one.writes
    ]
    assert json.loads(reading.body or b"")["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["namespaces"],
            "resourceNames": ["kube-system", "a", "b"],
            "verbs": ["get"],
        }
    ]
    (binding,) = [one for one in member.asked if "/clusterrolebindings/" in one.path and one.writes]
    assert json.loads(binding.body or b"")["roleRef"]["name"] == rights.WITHIN
    assert any("in namespace b: everything" in line for line in found.granted)
    assert found.scope == Scope(("a", "b"))


async def test_a_namespace_that_is_not_there_is_named_before_anything_is_made() -> None:
    member = Member(Limited(gone=("b", "c")))
    with pytest.raises(RegistrationError, match="no namespace b, c"):
        await enrol(member.send, "eu-1", Scope(("a", "b", "c")))
    assert member.writes == []


@pytest.mark.parametrize("scope", [Scope(("b",)), WHOLE, IMPERSONATING])
async def test_a_namespace_that_left_is_left_and_named_until_then(scope: Scope) -> None:
    member = Member(Limited("a", "b"))
    await enrol(member.send, "eu-1", scope)
    left = member.writes.index(("DELETE", f"{RBAC}/namespaces/a/roles/{rights.WITHIN}"))
    named = [
        (verb, rights.read_namespaces(json.loads(one.body or b"")) if verb == "PATCH" else ())
        for one in member.asked
        if one.writes and one.path == f"{RBAC}/clusterroles/{rights.WITHIN}"
        for verb in (one.verb,)
    ]
    if scope.namespaces:
        # Cut off anywhere, the role names whatever the account may still be in.
        assert named == [("PATCH", ("a", "b")), ("PATCH", ("b",))]
        assert member.writes.index(("PATCH", f"{RBAC}/clusterroles/{rights.WITHIN}")) < left
        assert ("DELETE", f"{RBAC}/namespaces/b/roles/{rights.WITHIN}") not in member.writes
    else:
        assert named == [("DELETE", ())]
        assert member.writes.index(("DELETE", f"{RBAC}/clusterroles/{rights.WITHIN}")) > left


async def test_which_scope_the_account_has_is_told_and_never_widened_by_what_is_missing() -> None:
    assert await scope_of(Member(Limited("a", "b")).send) == Scope(("a", "b"))
    assert await scope_of(Member(Limited()).send, Scope(("a",))) == WHOLE
    assert await scope_of(Member(granting).send, Scope(("a",))) == Scope(("a",))

    def headless(request: Request) -> bytes:
        if "clusterroles/" in request.path:
            raise NotFound("no", status=404)
        return Limited("a")(request)

    with pytest.raises(RegistrationError, match="--namespaces"):
        await scope_of(Member(headless).send)


async def test_all_roles_of_an_account_for_namespaces_go_with_it() -> None:
    member = Member(Limited("a", "b"))
    removed = await unenrol(member.send)
    for space in ("a", "b"):
        assert f"Role {rights.WITHIN} in namespace {space}" in removed
        assert ("DELETE", f"{RBAC}/namespaces/{space}/rolebindings/{rights.WITHIN}") in member.writes
    assert f"ClusterRole {rights.WITHIN}" in removed


async def test_rights_in_a_namespace_that_cannot_be_taken_back_are_no_revocation() -> None:
    def guarded(request: Request) -> bytes:
        if request.verb == "DELETE" and "/namespaces/b/" in request.path:
            raise Forbidden("no", status=403)
        return Limited("a", "b")(request)

    member = Member(guarded)
    with pytest.raises(Forbidden):
        await unenrol(member.send)
    assert ("DELETE", f"{RBAC}/namespaces/a/rolebindings/{rights.WITHIN}") in member.writes


async def test_a_namespace_that_was_made_anew_has_lost_what_binds_the_account() -> None:
    def anew(request: Request) -> bytes:
        if "/namespaces/b/rolebindings/" in request.path:
            raise NotFound("no", status=404)
        return Limited("a", "b")(request)

    assert await stands(Member(Limited("a", "b")).send, Scope(("a", "b")))
    assert not await stands(Member(anew).send, Scope(("a", "b")))


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
        "clusterroles",
        "serviceaccounts",
    ]
    deletion = next(each for each in member.asked if each.writes)
    assert json.loads(deletion.body or b"")["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    assert len(removed) == len(member.writes)


@pytest.mark.parametrize("scope", [WHOLE, IMPERSONATING, None])
async def test_what_is_called_so_and_is_a_hubs_own_is_left_as_it_is(scope: Scope | None) -> None:
    binding = next(body for body in hub_objects.rights("fleethub") if body["kind"] == "ClusterRoleBinding")
    member = Member(lambda _: json.dumps(binding).encode())
    with pytest.raises(RegistrationError, match="a hub is installed on that cluster"):
        await (enrol(member.send, "eu-1", scope) if scope else unenrol(member.send))
    assert member.writes == []


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
