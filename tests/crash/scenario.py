"""What the crash test plays: one scenario, its writes, and where a hub has to be cut off to see each world once.

Run 0 names every write of the scenario (create, change, prune, move between Applications, delete a child; a sealed
Secret and one of Vault made, changed and removed) through the I/O seam. The content of Secrets is compared as a
digest, so that no failure prints it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from fleet import names
from fleet.cli.seal import making
from fleet.projects import default
from fleet.secrets.seal import Scope
from tests.stage.api import until
from tests.stage.ended import ended
from tests.stage.gitrepo import GitRepo
from tests.stage.openbao import OpenBao
from tests.stage.seams import Guillotine, Journal, Moment, watched
from tests.stage.theatre import Theatre, config, manifest, manifest_of
from tests.stage.vaults import account, allow, role, trust

APPLICATIONS = ("one", "two", "child")
ACCOUNT = f"{names.PRODUCT}-project-{names.DEFAULT_PROJECT}"
REFRESH = "200ms"
# A push is told, as by a webhook; who missed it, because it was no hub yet, looks soon.
SETTINGS: dict[str, Any] = {"poll_interval": 0.5}


@dataclass(frozen=True, slots=True)
class Safe:
    """Where the scenario's secrets come from: a ring's key, which stays from run to run, and an OpenBao."""

    key: RSAPublicKey
    bao: OpenBao


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a hub is cut off: right before or right after a write, named without what differs between runs."""

    write: str
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.write}"


class DidNotCome(AssertionError):
    """The scenario came to its end without the write at which it was to be cut."""


def child(theatre: Theatre, name: str) -> str:
    """An Application's manifest, for an app of apps."""
    return manifest(
        "Application",
        name,
        spec={
            "source": {"repoURL": theatre.repo.url, "targetRevision": "main", "path": f"apps/{name}"},
            "placement": {"clusterSelector": {}},
            "namespace": theatre.namespace,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"backoff": {"duration": "1s", "maxDuration": "1s"}},
            },
        },
    )


def sealed(theatre: Theatre, safe: Safe, name: str, value: str) -> str:
    """A SealedSecret's manifest, as ``fleethub seal`` makes it."""
    secret = {"metadata": {"name": name, "namespace": theatre.namespace}}
    return manifest_of(making.sealed(secret, {"k": value.encode()}, Scope.STRICT, safe.key))


def external(theatre: Theatre, safe: Safe) -> dict[str, str]:
    """A store, and an ExternalSecret that is looked at often; files of an Application."""
    store = {
        "server": safe.bao.url,
        "path": "secret",
        "version": "v2",
        "caBundle": base64.b64encode(safe.bao.ca.encode()).decode(),
        "auth": {"jwt": {"path": "hubs", "role": "crash"}},
    }
    secret = {
        "refreshInterval": REFRESH,
        "secretStoreRef": {"name": "vault"},
        "data": [{"secretKey": "k", "remoteRef": {"key": f"{theatre.namespace}/v", "property": "k"}}],
    }
    bodies: dict[str, Any] = {
        "store": ("SecretStore", "vault", {"provider": {"vault": store}}),
        "v": ("ExternalSecret", "v", secret),
    }
    return {
        f"apps/two/{file}.yaml": manifest_of(
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": kind,
                "metadata": {"name": name},
                "spec": spec,
            }
        )
        for file, (kind, name, spec) in bodies.items()
    }


def rotate(theatre: Theatre, safe: Safe, value: str) -> None:
    """Write a version of what is in Vault."""
    safe.bao.put(f"secret/data/{theatre.namespace}/v", {"k": value})


async def let_in(theatre: Theatre, bao: OpenBao) -> None:
    """Let the Project that all are of read what is in Vault, once for all runs."""
    await account(theatre, ACCOUNT)
    trust(bao, theatre)
    role(bao, "crash", ACCOUNT, "secret/data/*", "secret/metadata/*")
    body = default.manifest(names.HUB_NAMESPACE)
    await theatre.api.apply(
        {**body, "spec": {**body["spec"], "vault": {"allow": [allow(bao, "crash", "secret/*")]}}}
    )


async def begin(theatre: Theatre, safe: Safe) -> None:
    """What stands before the scenario: a root with two Applications, of ConfigMaps and Secrets."""
    rotate(theatre, safe, "1")
    push(
        theatre,
        {
            "root/one.yaml": child(theatre, "one"),
            "root/two.yaml": child(theatre, "two"),
            "apps/one/a.yaml": config("a", k="1"),
            "apps/one/moves.yaml": config("moves", k="1"),
            "apps/one/goes.yaml": config("goes", k="1"),
            "apps/one/s.yaml": sealed(theatre, safe, "s", "1"),
            "apps/one/sgoes.yaml": sealed(theatre, safe, "sgoes", "1"),
            "apps/two/b.yaml": config("b", k="1"),
            **external(theatre, safe),
            "apps/child/c.yaml": config("c", k="1"),
        },
    )
    for name, member in theatre.members.items():
        await theatre.register(name)
        # Made once a cluster, so that each run makes it again.
        await member.delete("Secret", names.DIGEST_KEY_SECRET, names.MEMBER_NAMESPACE)
    await theatre.api.delete("Secret", names.DIGEST_KEY_SECRET, names.HUB_NAMESPACE)


def push(theatre: Theatre, content: Mapping[str, str | None]) -> None:
    """Commit, and tell the hub."""
    GitRepo(theatre.repo.served).commit(content)
    if theatre.running is not None and theatre.hub.ready:
        theatre.hub.repositories.nudge_all()


def act(theatre: Theatre, safe: Safe) -> None:
    """One commit of everything: create, change, prune, move, a new child."""
    push(
        theatre,
        {
            "root/child.yaml": child(theatre, "child"),
            "apps/one/a.yaml": config("a", k="2"),
            "apps/one/new.yaml": config("new", k="1"),
            "apps/one/goes.yaml": None,
            "apps/one/s.yaml": sealed(theatre, safe, "s", "2"),
            "apps/one/sgoes.yaml": None,
            "apps/one/moves.yaml": None,
            "apps/two/moves.yaml": config("moves", k="1"),
        },
    )


async def root(theatre: Theatre) -> None:
    """The app of apps."""
    await theatre.application(
        "root", source={"path": "root"}, placement={"hub": True}, namespace=names.HUB_NAMESPACE
    )


def digest(data: dict[str, str]) -> str:
    """What stands for a Secret's content: the same for the same."""
    return hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()[:12]


World = dict[str, tuple[Any, str, str]]


async def part(theatre: Theatre, member: str, kind: str) -> World:
    """The test's objects of a kind on a member: content, UID and resourceVersion."""
    found: World = {}
    for item in await theatre.members[member].list(kind, theatre.namespace):
        metadata, content = item["metadata"], item["data"]
        if kind == "Secret":
            content = digest({key: base64.b64decode(text).decode() for key, text in content.items()})
        found[f"{member}/{metadata['name']}"] = (content, metadata["uid"], metadata["resourceVersion"])
    return found


async def world(theatre: Theatre, wanted: dict[str, Any] | None = None) -> World:
    """All ConfigMaps and Secrets of the test on every member; no more is read than shows that it is not as wanted."""
    found: World = {}
    for kind in ("Secret", "ConfigMap"):
        for member in theatre.members:
            some = await part(theatre, member, kind)
            found |= some
            if wanted is not None and (
                not some or any(wanted.get(key) != one[0] for key, one in some.items())
            ):
                return found
    return found


async def reached(theatre: Theatre, wanted: dict[str, Any]) -> World:
    """Wait until the world is as wanted; that world."""

    async def same() -> World | None:
        found = await world(theatre, wanted)
        return found if {key: value[0] for key, value in found.items()} == wanted else None

    try:
        found: World = await until(same, 30, what="the world is as it should be", interval=0.1)
    except AssertionError as error:
        seen = {key: value[0] for key, value in (await world(theatre)).items()}
        told = {name: (await theatre.status(name)).get("conditions") for name in ("root", *APPLICATIONS)}
        raise AssertionError(f"{error}\nwanted {wanted}\nseen {seen}\n{told}") from None
    return found


def desired(theatre: Theatre, *, after: bool, child_there: bool, rotated: bool = False) -> dict[str, Any]:
    """The content of the members before and after the commit."""
    one: dict[str, Any] = (
        {"a": {"k": "2"}, "new": {"k": "1"}, "s": digest({"k": "2"})}
        if after
        else {"a": {"k": "1"}, "goes": {"k": "1"}, "s": digest({"k": "1"}), "sgoes": digest({"k": "1"})}
    )
    both = {**one, "moves": {"k": "1"}, "b": {"k": "1"}, "v": digest({"k": "2" if rotated else "1"})}
    if child_there:
        both["c"] = {"k": "1"}
    return {f"{member}/{name}": data for member in theatre.members for name, data in both.items()}


async def scenario(theatre: Theatre, safe: Safe, journal: Journal, guillotine: Guillotine | None) -> None:
    """Run it all; with a guillotine, a new hub takes over where it falls, also while the first still starts."""
    await begin(theatre, safe)
    starting = asyncio.ensure_future(theatre.start(watched(journal, guillotine), **SETTINGS))
    steps = asyncio.ensure_future(_steps(theatre, safe, journal))
    try:
        if guillotine is not None:
            falling = asyncio.ensure_future(guillotine.fallen.wait())
            await asyncio.wait({falling, steps}, return_when=asyncio.FIRST_COMPLETED)
            falling.cancel()
            if steps.done():
                await steps
            if not guillotine.fallen.is_set():
                raise DidNotCome(f"the write {guillotine.at} did not come")
            starting.cancel()
            await ended(starting, "the start")
            await theatre.kill()
            await theatre.start(watched(Journal()), **SETTINGS)
        else:
            await starting
        await asyncio.wait_for(steps, 60)
    finally:
        for task in (starting, steps):
            task.cancel()
        await asyncio.wait({starting, steps})


async def _steps(theatre: Theatre, safe: Safe, journal: Journal) -> None:
    journal.acted()
    await root(theatre)
    before = await reached(theatre, desired(theatre, after=False, child_there=False))
    journal.acted()
    act(theatre, safe)
    middle = await reached(theatre, desired(theatre, after=True, child_there=True))
    for key, (_, uid, version) in before.items():
        name = key.partition("/")[2]
        if name in ("b", "v"):
            assert middle[key][1:] == (uid, version), f"{key} was rewritten"
        elif name in ("a", "moves", "s"):
            assert middle[key][1] == uid, f"{key} was made anew"
    journal.acted()
    rotate(theatre, safe, "2")
    push(theatre, {"root/child.yaml": None})
    await reached(theatre, desired(theatre, after=True, child_there=False, rotated=True))

    async def gone() -> bool:
        return await theatre.api.get("Application", "child", names.HUB_NAMESPACE) is None

    await until(gone, 30, what="the child Application is gone")
    last = await world(theatre)
    for key, (_, uid, version) in middle.items():
        if not key.endswith("/c"):
            # The hand-over may write once more when a cut fell into it, but never makes anything anew.
            assert last[key][1] == uid, f"{key} was made anew"
            if key.partition("/")[2] in ("a", "new", "b", "s"):
                assert last[key][2] == version, f"{key} was rewritten"
    for name, member in theatre.members.items():
        parents = await member.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
        assert len(parents) == 2, f"{name} holds parents of {[p['metadata']['name'] for p in parents]}"


def normal(name: str, theatre: Theatre) -> str:
    """A write's name without what differs between tests."""
    return re.sub(r"\b" + theatre.namespace + r"\b", "NAMESPACE", name)


def certain(name: str) -> bool:
    """Whether every run makes this write.

    Statuses join as time has it, and so do the names that go from placed, and what parents are told beyond what they
    are to hold and that it is there.
    """
    path, _, number = name.split(" ", 1)[1].rpartition(" #")
    often = {
        "/applications/child": 4,
        "/app.fleethub.root": 3,
        "/app.fleethub.one": 2,
        "/app.fleethub.two": 2,
    }
    return not path.endswith("/status") and all(
        int(number) <= most for end, most in often.items() if path.endswith(end)
    )


def cuts(moments: Sequence[tuple[Moment, str]], sure: Collection[str]) -> Iterator[Cut]:
    """Where to cut so that each world that a hub may leave, without a write and with it, is left to a new one once.

    A hub that is cut off leaves the world and nothing of its memory; of its folder a new one takes no more than a
    cache. What was on its way arrives. So a world is told by which writes had left, and by what others had done: right
    after a write is the same as right before the one that leaves next, where nobody did anything in between. It is
    cut after only where nobody does leave next, or what is not among the ``sure`` ones, before which nothing is cut.
    """
    answered = ""  # the write since whose answer nothing left and nobody did anything
    for moment, write in moments:
        before = moment is Moment.BEGUN and write in sure
        if answered and moment is not Moment.ENDED and not before:
            yield Cut(answered, after=True)
        if before:
            yield Cut(write, after=False)
        answered = (write if write in sure else answered) if moment is Moment.ENDED else ""
    if answered:
        yield Cut(answered, after=True)
