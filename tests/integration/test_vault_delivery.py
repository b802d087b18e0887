"""Secrets of a real OpenBao, delivered to real members: by ExternalSecrets and by placeholders."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from fleet import names
from tests.integration.test_cli import fleethub
from tests.stage import openbao
from tests.stage.api import holds, until
from tests.stage.openbao import OpenBao
from tests.stage.teams import Team
from tests.stage.theatre import Theatre, config, deployment, manifest_of
from tests.stage.vaults import account, allow, role, trust

FIRST, SECOND = "first-und-mehr", "second-und-mehr"


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with openbao.serving(tmp_path_factory.mktemp("openbao")) as found:
        found.kv("kv1", 1)
        yield found


@pytest.fixture
async def team(theatre: Theatre, bao: OpenBao) -> Team:
    """A team whose Project may read ``secret/NAME/*`` and ``kv1/NAME/*``."""
    found = Team(theatre)
    own = f"vault-{found.name}"
    await found.open(vault={"serviceAccountName": own, "allow": [rule(bao, found)]})
    await account(theatre, own)
    trust(bao, theatre)
    paths = [f"secret/{part}/{found.name}/*" for part in ("data", "metadata")]
    role(bao, found.name, own, *paths, f"kv1/{found.name}/*")
    return found


def rule(bao: OpenBao, team: Team, **more: Any) -> dict[str, Any]:
    return allow(bao, team.name, f"secret/{team.name}/*", f"kv1/{team.name}/*", **more)


def store(bao: OpenBao, team: Team, name: str = "vault", **vault: Any) -> dict[str, Any]:
    provider = {
        "server": bao.url,
        "path": "secret",
        "version": "v2",
        "caBundle": base64.b64encode(bao.ca.encode()).decode(),
        "auth": {"jwt": {"path": "hubs", "role": team.name}},
        **vault,
    }
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": name},
        "spec": {"provider": {"vault": provider}},
    }


def external(name: str, key: str, property_: str = "password", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "refreshInterval": "1s",
            "secretStoreRef": {"name": "vault"},
            "data": [{"secretKey": "password", "remoteRef": {"key": key, "property": property_}}],
            **spec,
        },
    }


async def app(team: Team, **spec: Any) -> None:
    body = {
        "apiVersion": names.API_VERSION,
        "kind": "Application",
        "metadata": {"name": "app", "namespace": team.name},
        "spec": team.spec("app", **spec),
    }
    await team.theatre.api.apply(body)


async def data(theatre: Theatre, name: str, member: str = "eu") -> dict[str, str]:
    found = await theatre.members[member].get("Secret", name, theatre.namespace)
    given = (found or {}).get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in given.items()}


async def says(team: Team, kind: str, *words: str) -> str:
    async def look() -> str:
        found = await team.theatre.api.get("Application", "app", team.name)
        for one in ((found or {}).get("status") or {}).get("conditions", ()):
            if one["type"] == kind and one["status"] == "True" and all(w in one["message"] for w in words):
                return str(one["message"])
        return ""

    try:
        return str(await until(look, what=f"app says {kind} {words}"))
    except AssertionError as error:
        found = await team.theatre.api.get("Application", "app", team.name)
        raise AssertionError(f"{error}: {json.dumps((found or {}).get('status'))}") from None


async def becomes(theatre: Theatre, name: str, expected: dict[str, str], *members: str) -> None:
    for member in members or ("eu",):

        async def look(member: str = member) -> bool:
            return await data(theatre, name, member) == expected

        await until(look, what=f"Secret {name} on {member} is {sorted(expected)}")


async def test_a_change_in_vault_reaches_every_cluster_by_itself(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.register("us")
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db")),
            "apps/app/neighbour.yaml": config("neighbour", k="1"),
        }
    )
    await theatre.start()
    await app(team)
    await becomes(theatre, "db", {"password": FIRST}, "eu", "us")
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    await becomes(theatre, "db", {"password": SECOND}, "eu", "us")


async def test_a_change_in_vault_puts_back_nothing_that_is_only_shown(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.start()
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db")),
            "apps/app/web.yaml": deployment(),
        }
    )
    await app(team, syncPolicy={"automated": {"selfHeal": False}})
    await team.synced("app")
    await theatre.members["eu"].scale("web", theatre.namespace, 7)
    await says(team, "SelfHealDisabled")

    async def scaled() -> bool:
        found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
        return bool(found and found["spec"]["replicas"] == 7)

    async def rotated(password: str) -> None:
        await becomes(theatre, "db", {"password": password})
        await holds(scaled, 1.0, what="what a hand scaled stays")
        await says(team, "SelfHealDisabled")

    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    await rotated(SECOND)
    await theatre.stop()
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    await theatre.start()
    await rotated(FIRST)
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    await rotated(SECOND)


async def test_a_steady_state_reads_metadata_alone_and_once_for_all_clusters(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.register("us")
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db", refreshInterval="1h")),
        }
    )
    # Leases outlast what the clock is moved by.
    hub = await theatre.start(lease_duration=20000.0)
    await app(team)
    await becomes(theatre, "db", {"password": FIRST}, "eu", "us")

    await until(lambda: _sealed(theatre, team, 2), what="the parents say that all was applied")
    before = (hub.secrets.vault.logins, hub.secrets.vault.metadata_reads, hub.secrets.vault.data_reads)
    hub.clock.advance(3700)

    async def looked() -> bool:
        return hub.secrets.vault.metadata_reads > before[1]

    await until(looked, what="the version is looked at again")

    async def calm() -> bool:
        return hub.secrets.vault.metadata_reads == before[1] + 1

    await holds(calm, 1.0, what="one look for both clusters")
    assert hub.secrets.vault.data_reads == before[2]
    await theatre.stop()
    again = await theatre.start(lease_duration=20000.0)
    await until(lambda: _followed(again), what="both are followed after a start")
    assert again.secrets.vault.data_reads == 0
    assert again.secrets.vault.metadata_reads == 1
    # A path that was removed and written again has the same number, and holds something else.
    bao.root("DELETE", f"secret/metadata/{team.name}/db")
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    again.clock.advance(3700)
    await becomes(theatre, "db", {"password": SECOND}, "eu", "us")


async def _sealed(theatre: Theatre, team: Team, count: int) -> bool:
    told = [
        one["metadata"]["annotations"]
        for api in theatre.members.values()
        for one in await api.list("ConfigMap", names.MEMBER_NAMESPACE, names.APPLYSET_ID)
    ]
    mine = [one for one in told if one[names.SET_APPLICATION] == f"{team.name}/app"]
    return len(mine) == count and all(names.SET_SEAL in one for one in mine)


async def _followed(hub: Any) -> bool:
    return len(hub.secrets.refresh) == 2


async def test_what_is_made_once_is_read_once(theatre: Theatre, bao: OpenBao, team: Team) -> None:
    await theatre.register("eu")
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    commit = theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db", refreshPolicy="CreatedOnce")),
        }
    )
    await theatre.start(audit_interval=1)
    await app(team)
    await becomes(theatre, "db", {"password": FIRST})
    await team.synced("app")
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    mine = {"metadata": {"annotations": {"note": "mine"}}}
    await theatre.members["eu"].patch("Secret", "db", theatre.namespace, mine, "labeller")
    note = {"metadata": {"annotations": {names.SYNC: commit}}}
    await theatre.api.patch("Application", "app", team.name, note)

    async def asked() -> bool:
        status = (await theatre.api.get("Application", "app", team.name) or {})["status"]
        return bool((status.get("lastSync") or {}).get("phase") == "Succeeded")

    await until(asked, what="a person's sync is done")

    async def unread() -> bool:
        return await data(theatre, "db") == {"password": FIRST}

    await holds(unread, 3.0, what="neither that nor an audit reads it again")


async def test_what_is_made_once_is_not_read_again_after_a_restart_in_the_midst_of_a_commit(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db", refreshPolicy="CreatedOnce")),
        }
    )
    await theatre.start()
    await app(team)
    await team.synced("app")
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    # A commit that does not come to its end takes the seal off, so that a restart has to look at each object.
    bad = {"apiVersion": "nobody.test/v1", "kind": "Unserved", "metadata": {"name": "a"}}
    theatre.repo.commit({"apps/app/bad.yaml": manifest_of(bad)})
    await says(team, "SyncFailed", "Unserved")
    await theatre.stop()
    theatre.repo.commit({"apps/app/late.yaml": config("late", k="1")})
    await theatre.start()
    await theatre.everywhere("ConfigMap", "late", ("eu",))
    assert await data(theatre, "db") == {"password": FIRST}
    await theatre.members["eu"].patch("Secret", "db", theatre.namespace, {"data": {"password": None}})
    await becomes(theatre, "db", {"password": SECOND})


async def test_placeholders_are_filled_in_within_strings_and_base64_and_refused_elsewhere(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.start()
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST, "user": "ada"})
    place = f"<path:secret/data/{team.name}/db#password>"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db"},
        "data": {"password": base64.b64encode(place.encode()).decode()},
        "stringData": {"url": f"postgres://<path:secret/data/{team.name}/db#user>:{place}@db/app"},
    }
    theatre.repo.commit(
        {
            "apps/app/db.yaml": manifest_of(secret),
            "apps/app/wrong.yaml": config("wrong", k=place),
            "apps/app/right.yaml": config("right", k="1"),
        }
    )
    await app(team, secrets={"placeholders": "Resolve"})
    await becomes(theatre, "db", {"password": FIRST, "url": f"postgres://ada:{FIRST}@db/app"})
    await theatre.everywhere("ConfigMap", "right", ("eu",))
    message = await says(team, "SecretUnresolved", "wrong", "outside a Secret")
    assert FIRST not in message
    assert await theatre.members["eu"].get("ConfigMap", "wrong", theatre.namespace) is None


async def test_a_project_reads_what_it_is_allowed_and_vault_holds_the_wall_by_itself(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.start()
    bao.put("secret/data/others/db", {"password": FIRST})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", "others/db")),
            "apps/app/neighbour.yaml": config("neighbour", k="1"),
        }
    )
    await app(team)
    await theatre.everywhere("ConfigMap", "neighbour", ("eu",))
    await says(team, "SecretUnresolved", "secret/others/db", "spec.vault.allow")
    wide = allow(bao, team.name, "*")
    await team.project(vault={"serviceAccountName": f"vault-{team.name}", "allow": [wide]})
    message = await says(team, "SecretUnresolved", "may not read")
    assert FIRST not in message
    assert await data(theatre, "db") == {}


async def test_facts_of_the_cluster_make_the_path_and_what_they_make_is_checked(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.register("us")
    await theatre.start()
    for name in ("eu", "us"):
        bao.put(f"secret/data/{team.name}/{name}/db", {"password": f"{name}-{FIRST}"})
    key = f"{team.name}/{{{{ cluster.name }}}}/db"
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", key)),
        }
    )
    await app(team)
    await becomes(theatre, "db", {"password": f"eu-{FIRST}"}, "eu")
    await becomes(theatre, "db", {"password": f"us-{FIRST}"}, "us")
    climbing = external("climbing", f"{team.name}/{{{{ cluster.annotations.place }}}}/db")
    await theatre.api.patch(
        "Secret", "eu", names.HUB_NAMESPACE, {"metadata": {"annotations": {"place": "../others"}}}
    )
    await theatre.api.patch(
        "Secret", "us", names.HUB_NAMESPACE, {"metadata": {"annotations": {"place": "us"}}}
    )
    asked = bao.asked("secret/data/others/db")
    theatre.repo.commit({"apps/app/climbing.yaml": manifest_of(climbing)})
    await becomes(theatre, "climbing", {"password": f"us-{FIRST}"}, "us")
    await says(team, "SecretUnresolved", "climbing", "..")
    assert await data(theatre, "climbing", "eu") == {}
    assert bao.asked("secret/data/others/db") == asked


async def test_a_sealed_vault_leaves_what_is_applied_and_is_told(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db")),
        }
    )
    await theatre.start()
    await app(team)
    await becomes(theatre, "db", {"password": FIRST})
    bao.seal()
    try:
        await says(team, "SecretUnresolved", "sealed")
        assert await data(theatre, "db") == {"password": FIRST}
    finally:
        bao.unseal()
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    await becomes(theatre, "db", {"password": SECOND})


async def test_what_vault_says_is_gone_goes_only_where_that_is_asked_for(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.start()
    bao.put(f"secret/data/{team.name}/a", {"password": FIRST})
    bao.put(f"secret/data/{team.name}/b", {"password": FIRST})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/kept.yaml": manifest_of(external("kept", f"{team.name}/a")),
            "apps/app/gone.yaml": manifest_of(
                external("gone", f"{team.name}/b", target={"deletionPolicy": "Delete"})
            ),
        }
    )
    await app(team)
    await becomes(theatre, "kept", {"password": FIRST})
    await becomes(theatre, "gone", {"password": FIRST})
    bao.root("DELETE", f"secret/data/{team.name}/b")
    await theatre.nowhere("Secret", "gone", ("eu",))
    bao.put(f"secret/data/{team.name}/b", {"password": SECOND})
    await becomes(theatre, "gone", {"password": SECOND})
    bao.root("DELETE", f"secret/metadata/{team.name}/a")
    await says(team, "SecretUnresolved", "kept", "what is live stays")
    assert await data(theatre, "kept") == {"password": FIRST}


async def test_a_pin_brings_an_older_version_back_until_it_is_taken_away(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.start()
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db")),
        }
    )
    await app(team)
    await becomes(theatre, "db", {"password": SECOND})
    for value, expected in ((f"secret/{team.name}/db=1", FIRST), (None, SECOND)):
        note = {"metadata": {"annotations": {names.PIN: value}}}
        await theatre.api.patch("Application", "app", team.name, note)
        await becomes(theatre, "db", {"password": expected})


async def test_a_change_restarts_what_mounts_the_secret_once_and_a_restart_of_the_hub_does_not(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.start()
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    bao.put(f"secret/data/{team.name}/other", {"password": FIRST})
    pod = {"containers": [{"name": "web", "image": "web", "envFrom": [{"secretRef": {"name": "db"}}]}]}
    labels = {"app": "web"}
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {names.RESTART: "true"}},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db")),
            "apps/app/other.yaml": manifest_of(external("other", f"{team.name}/other")),
            "apps/app/web.yaml": manifest_of(web),
        }
    )
    await app(team)
    await becomes(theatre, "db", {"password": FIRST})

    async def generation() -> int:
        found = await theatre.members["eu"].get("Deployment", "web", theatre.namespace)
        return int(found["metadata"]["generation"]) if found is not None else 0

    assert await until(generation, what="the Deployment is there") == 1
    bao.put(f"secret/data/{team.name}/other", {"password": SECOND})
    await becomes(theatre, "other", {"password": SECOND})
    assert await generation() == 1
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    await becomes(theatre, "db", {"password": SECOND})

    async def restarted() -> bool:
        return await generation() == 2

    await until(restarted, what="the workload is rolled out")
    await theatre.stop()
    hub = await theatre.start()
    await until(lambda: _followed(hub), what="the Secrets are followed")
    await holds(restarted, 1.0, what="rolled out once")


async def test_a_secret_of_the_hub_is_a_source_where_it_says_so(theatre: Theatre, team: Team) -> None:
    await theatre.register("eu")
    await theatre.start()
    kept = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "start", "namespace": team.name},
        "stringData": {"password": FIRST},
    }
    await theatre.api.apply(kept)
    own = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "vault", "namespace": team.name},
        "spec": {"provider": {"kubernetes": {}}},
    }
    await theatre.api.apply(own)
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(external("db", "start"))})
    await app(team)
    await becomes(theatre, "db", {"password": FIRST})
    kept["stringData"] = {"password": SECOND}
    await theatre.api.apply(kept)
    await becomes(theatre, "db", {"password": SECOND})


async def test_the_command_line_tells_versions_pins_them_and_checks_the_way_and_never_shows_a_value(
    theatre: Theatre, bao: OpenBao, team: Team
) -> None:
    await theatre.register("eu")
    await theatre.start()
    bao.put(f"secret/data/{team.name}/db", {"password": FIRST})
    bao.put(f"secret/data/{team.name}/db", {"password": SECOND})
    theatre.repo.commit(
        {
            "apps/app/store.yaml": manifest_of(store(bao, team)),
            "apps/app/db.yaml": manifest_of(external("db", f"{team.name}/db")),
        }
    )
    await app(team)
    await becomes(theatre, "db", {"password": SECOND})
    name, path = f"{team.name}/app", f"secret/{team.name}/db"
    listed = await fleethub(theatre, "secrets", "list", name)
    assert f"{path}@2" in listed.out
    why = await fleethub(theatre, "secrets", "why", name)
    assert f"{path}@2" in why.out
    await fleethub(theatre, "secrets", "pin", name, "--version", "1")
    await becomes(theatre, "db", {"password": FIRST})
    pinned = await fleethub(theatre, "secrets", "why", name)
    assert "held at version 1" in pinned.out
    await fleethub(theatre, "secrets", "unpin", name)
    await becomes(theatre, "db", {"password": SECOND})
    await fleethub(theatre, "secrets", "refresh", name)
    checked = await fleethub(theatre, "vault", "check", "--project", team.name)
    setup = await fleethub(theatre, "vault", "setup", "--project", team.name)
    assert f'path "secret/metadata/{team.name}/*"' in setup.out
    assert f"bound_subject=system:serviceaccount:fleethub:vault-{team.name}" in setup.out
    public = theatre.planes.hub.authority.signing_key("service-accounts").certificate.read_text()
    assert public.strip() in setup.out, "Vault is told the keys of the hub's issuer"
    missing = allow(bao, "nobody", f"secret/{team.name}/db")
    await team.project(vault={"serviceAccountName": f"vault-{team.name}", "allow": [missing]})

    async def known() -> bool:
        done = await fleethub(theatre, "vault", "check", "--project", team.name, code=None)
        return done.code == 1 and "nobody" in done.out

    await until(known, what="the check says that there is no such role")
    for told in (listed, why, pinned, checked, setup):
        for value in (FIRST, SECOND):
            assert value not in told.out + told.err
