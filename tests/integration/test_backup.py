"""A hub that is lost is made anew, with its backup and without; the old one that comes back writes nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest

from bootstrap.local.plane import Plane
from bootstrap.local.servers import Components
from fleet import names
from fleet.clusters import enrol
from tests.integration.test_cli import add, fleethub
from tests.integration.test_identity import cluster, says, sealed, snapshot, stands, to
from tests.stage.api import Api
from tests.stage.seams import LEASES, Write, logged
from tests.stage.theatre import Planes, Theatre, config, manifest

Snapshot = dict[str, tuple[str, str]]
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def fresh(planes: Planes) -> Iterator[Plane]:
    """The cluster that is to be the hub after the first is lost."""
    folder = planes.folder / "fresh"
    with Plane.create(
        "fresh", folder, components=Components.API_ONLY, etcd=planes.hub.etcd, prefix="/fresh"
    ) as made:
        made.start()
        made.wait_ready()
        yield made


@pytest.fixture
async def second(theatre: Theatre, fresh: Plane) -> AsyncIterator[Theatre]:
    """The same stage with the fresh hub; nothing is installed there."""
    planes = theatre.planes
    api = await Api.of(fresh.kubeconfig)
    made = Theatre(Planes(fresh, planes.members, planes.folder, planes.git), api, theatre.members)
    made.repo, made.namespace = theatre.repo, theatre.namespace
    yield made
    await made.stop()
    await theatre.stop()
    eu = theatre.members["eu"]
    await enrol.unenrol(eu.send)
    # It names the fresh hub, for which the next test's would wait five minutes.
    await eu.delete("Lease", names.MEMBER_LEASE, names.MEMBER_NAMESPACE)
    await api.close()


def key(folder: Path) -> Path:
    """The passphrase's file."""
    file = folder / "passphrase"
    file.write_text(f"{PASSPHRASE}\n")
    return file


def mode(file: str) -> int:
    return Path(file).stat().st_mode & 0o777


def read(file: str) -> bytes:
    return Path(file).read_bytes()


def objects(log: list[Write]) -> list[Write]:
    """Writes to eu; Leases and tokens apart."""
    return [
        one for one in to(log, "eu") if not one.path.startswith(LEASES) and not one.path.endswith("/token")
    ]


async def namespace(theatre: Theatre, name: str) -> None:
    """Make a namespace on the hub's cluster."""
    await theatre.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


async def forget(theatre: Theatre) -> None:
    """All that the hub knew is gone; its namespace, which is who it is, stays."""
    for kind in ("Application", "Cluster"):
        for found in await theatre.api.list(kind, names.HUB_NAMESPACE):
            name = found["metadata"]["name"]
            await theatre.api.patch(kind, name, names.HUB_NAMESPACE, {"metadata": {"finalizers": None}})
            await theatre.api.delete(kind, name, names.HUB_NAMESPACE)
    for secret in await theatre.api.list("Secret", names.HUB_NAMESPACE, names.SECRET_TYPE):
        await theatre.api.delete("Secret", secret["metadata"]["name"], names.HUB_NAMESPACE)


@pytest.mark.timeout(300)  # three hubs, one after the other
async def test_a_lost_hub_is_made_anew_without_and_with_its_backup_and_the_old_one_stays_away(
    theatre: Theatre, second: Theatre
) -> None:
    eu = theatre.members["eu"]
    await theatre.start()
    await theatre.keyed("hub")
    await add(theatre, "eu", "--label", "env=prod")
    commit = theatre.repo.commit(
        {"apps/app/a.yaml": config("a", k="1"), "apps/app/b.yaml": config("b", k="1")}
    )
    await theatre.application()
    await theatre.annotate("app", sync=commit, pin="secret/x=1")
    await theatre.synced()
    await sealed(eu)
    await fleethub(theatre, "cluster", "rotate", "eu")
    change = {"metadata": {"labels": {"canary": "yes"}}}
    await theatre.api.patch("Cluster", "eu", names.HUB_NAMESPACE, change)
    key_of_ring = theatre.hub.secrets.sealing.keyring.newest("hub")
    assert key_of_ring is not None
    file, secret = str(theatre.folder / "hub.age"), str(key(theatre.folder))
    done = await fleethub(theatre, "backup", file, "--passphrase-file", secret)
    assert "1 Application" in done.out
    assert mode(file) == 0o600
    assert read(file).startswith(b"age-encryption.org/v1\n-> scrypt ")
    await fleethub(theatre, "backup", file, "--passphrase-file", secret, code=1)
    await theatre.stop()
    before = await snapshot(theatre, eu)
    await without(second, before)
    log = await with_it(second, before, file, secret)
    assert key_of_ring in second.hub.secrets.sealing.keyring.all("hub"), (
        "beside the one that it made meanwhile"
    )

    # The old one comes back: it has all that it had, and no Lease.
    old: list[Write] = []
    await theatre.start(logged(old))
    await says(theatre, "eu", "ForeignHub")
    theatre.repo.commit({"apps/app/a.yaml": config("a", k="2")})
    await stands(theatre, eu, "a", k="2")
    await second.synced()
    changed = [one for one in objects(log) if one.path.endswith("/configmaps/a")]
    assert len(changed) == 1, "written once"
    await says(theatre, "eu", "ForeignHub")
    assert to(old, "eu") == []


async def without(second: Theatre, before: Snapshot) -> None:
    """Make a hub anew without the backup.

    It is registered anew, with the same Application, and finds all as it is.
    """
    eu = second.members["eu"]
    await fleethub(second, "install")
    log: list[Write] = []
    await second.start(logged(log))
    await add(second, "eu", "--label", "env=prod", "--no-wait")
    await second.application()
    assert "fleethub cluster take-over" in await says(second, "eu", "ForeignHub")
    assert objects(log) == []
    begun = time.monotonic()
    await fleethub(second, "cluster", "take-over", "--all")
    await second.synced()
    assert time.monotonic() - begun < 20
    assert await snapshot(second, eu) == before
    assert objects(log) == []
    await second.stop()
    await forget(second)


async def with_it(second: Theatre, before: Snapshot, file: str, secret: str) -> list[Write]:
    """Make a hub anew with the backup; the log of what it writes.

    What an installation has made by itself differs, and is not replaced without a word.
    """
    eu, log = second.members["eu"], list[Write]()
    refused = await fleethub(second, "restore", file, "--passphrase-file", secret, code=1)
    assert f"Secret {names.HUB_NAMESPACE}/{names.API_SECRET}" in refused.err
    assert await second.api.get("Application", "app", names.HUB_NAMESPACE) is None
    wrong = second.folder / "wrong"
    wrong.write_text("guessed")
    shut = await fleethub(second, "restore", file, "--passphrase-file", str(wrong), code=1)
    assert "the passphrase does not open it" in shut.err
    await fleethub(second, "restore", file, "--passphrase-file", secret, "--replace")
    again = await fleethub(second, "restore", file, "--passphrase-file", secret)
    assert "0 made, 0 replaced" in again.out
    restored = await second.api.get("Application", "app", names.HUB_NAMESPACE)
    assert restored is not None
    assert names.PIN in restored["metadata"]["annotations"]
    assert names.SYNC not in restored["metadata"]["annotations"], (
        "what was asked of the former is not asked anew"
    )
    begun = time.monotonic()
    await second.start(logged(log))
    await second.synced()
    assert time.monotonic() - begun < 30
    made = await cluster(second, "eu")
    assert made["metadata"]["labels"] == {"env": "prod", "canary": "yes"}
    kept = await second.api.get("Secret", "eu-token", names.HUB_NAMESPACE) or {}
    assert made["status"]["registration"] == kept["metadata"]["resourceVersion"], "the newer of two tokens"
    assert await snapshot(second, eu) == before
    assert objects(log) == []
    return log


async def test_a_backup_to_a_recipient_opens_with_its_identity_alone(theatre: Theatre) -> None:
    from pyrage import x25519  # noqa: PLC0415

    mine, other = x25519.Identity.generate(), x25519.Identity.generate()
    file = theatre.folder / "hub.age"
    odd = await fleethub(theatre, "backup", str(file), "--recipient", "age1nobody", code=1)
    assert "recipient 1 is no X25519 recipient" in odd.err
    assert not file.exists()
    await fleethub(theatre, "backup", str(file), "--recipient", str(mine.to_public()))
    closed = await fleethub(theatre, "restore", str(file), code=1)
    assert "--identity FILE" in closed.err
    identity = theatre.folder / "identity"
    identity.write_text(f"# of somebody else\n{other}\n")
    closed = await fleethub(theatre, "restore", str(file), "--identity", str(identity), code=1)
    assert "no identity opens it" in closed.err
    identity.write_text(f"{mine}\n")
    done = await fleethub(theatre, "restore", str(file), "--identity", str(identity))
    assert "0 made, 0 replaced" in done.out
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    changed = await fleethub(theatre, "restore", str(file), "--identity", str(identity), code=1)
    assert "was changed" in changed.err
    text = theatre.folder / "plain"
    text.write_text("no backup")
    plain = await fleethub(theatre, "restore", str(text), code=1)
    assert "no file in age's format" in plain.err


async def test_applications_of_every_namespace_are_saved_and_come_back_where_they_were(
    theatre: Theatre, second: Theatre
) -> None:
    team, file, secret = f"team-{theatre.number}", str(theatre.folder / "hub.age"), str(key(theatre.folder))
    await namespace(theatre, team)
    spec = {"source": {"repoURL": theatre.repo.url, "path": "apps/web"}, "placement": {"clusters": ["eu"]}}
    for name, labels in (("web", {"tier": "front"}), ("child", {names.APPLYSET_PART_OF: "a-root"})):
        wanted = manifest("Application", name, team, metadata={"labels": labels}, spec=spec)
        await theatre.api.apply(orjson.loads(wanted))
    done = await fleethub(theatre, "backup", file, "--passphrase-file", secret)
    assert "1 Application" in done.out
    assert await second.api.get("Namespace", team) is None
    made = await fleethub(second, "restore", file, "--passphrase-file", secret, "--replace")
    assert f"Made Namespace {team}" in made.out
    restored = await second.api.get("Application", "web", team)
    assert restored is not None
    assert restored["metadata"]["labels"] == {"tier": "front"}
    assert restored["spec"]["source"]["path"] == "apps/web"
    assert await second.api.get("Application", "child", team) is None, "its root brings it"
    assert await second.api.get("Application", "web", names.HUB_NAMESPACE) is None
    again = await fleethub(second, "restore", file, "--passphrase-file", secret)
    assert "Namespace" not in again.out.replace(f"Applied Namespace {names.HUB_NAMESPACE}", "")
    assert "0 made, 0 replaced" in again.out
    misplaced = ("restore", file, "--passphrase-file", secret, "--hub-namespace", team)
    refused = await fleethub(second, *misplaced, code=1)
    assert f"Application {team}/web" in refused.err
    beside = ("restore", file, "--passphrase-file", secret, "--hub-namespace", "beside")
    refused = await fleethub(second, *beside, code=1)
    assert f"installed in namespace {names.HUB_NAMESPACE}" in refused.err
    assert await second.api.get("Namespace", "beside") is None
    await second.api.delete("Application", "web", team)


async def test_where_no_hub_is_there_is_nothing_to_back_up_and_it_says_so(theatre: Theatre) -> None:
    file, secret = theatre.folder / "hub.age", str(key(theatre.folder))
    keys = theatre.folder / "keys.yaml"
    await namespace(theatre, "platform")
    whole = ("backup", str(file), "--passphrase-file", secret)
    for command in (whole, ("seal-key", "backup", str(keys))):
        meant = await fleethub(theatre, *command, "-n", "platform", code=1)
        assert "Give --hub-namespace platform" in meant.err
        nowhere = await fleethub(theatre, *command, "--hub-namespace", "platform", code=1)
        assert "there is no hub in namespace platform. Give --hub-namespace" in nowhere.err
    assert not file.exists()
    assert not keys.exists()
    await fleethub(theatre, *whole)
    back = ("restore", str(file), "--passphrase-file", secret)
    meant = await fleethub(theatre, *back, "-n", "platform", code=1)
    assert "Give --hub-namespace platform" in meant.err
    keys.write_text("items: []")
    nowhere = await fleethub(theatre, "seal-key", "restore", str(keys), "--hub-namespace", "platform", code=1)
    assert "there is no hub in namespace platform" in nowhere.err
    assert await theatre.api.list("Secret", "platform") == []


async def test_a_hub_without_a_sealing_key_has_no_backup_of_them(theatre: Theatre) -> None:
    await theatre.unkeyed()
    file = theatre.folder / "keys.yaml"
    none = await fleethub(theatre, "seal-key", "backup", str(file), code=1)
    assert "has no sealing key" in none.err
    assert not file.exists()
