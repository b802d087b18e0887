"""SealedSecrets, sealed by the real kubeseal, on real members."""

from __future__ import annotations

import base64
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import binaries, build
from fleet import names
from fleet.documents import read
from fleet.secrets import keys
from tests.hazards.scene import sealed as sealed_parents
from tests.stage.api import holds, until
from tests.stage.theatre import Theatre, config, manifest_of

CLEAR = "hunter2-und-mehr"


@pytest.fixture(scope="module")
def kubeseal() -> Path:
    return build.build(binaries.named(["kubeseal"]))["kubeseal"]


def sealed(kubeseal: Path, certificate: Path, secret: dict[str, Any], *more: str) -> dict[str, Any]:
    """What the real kubeseal makes of a Secret."""
    done = subprocess.run(
        [str(kubeseal), "--cert", str(certificate), "-o", "yaml", *more],
        input=manifest_of(secret).encode(),
        capture_output=True,
        check=True,
        timeout=30,
    )
    found: dict[str, Any] = read.value(done.stdout, path="kubeseal")
    return found


def secret(name: str, namespace: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": data,
    }


async def certificate(theatre: Theatre, ring: str = "default") -> Path:
    """The certificate of a ring, once the hub has one."""

    async def look() -> str:
        key = theatre.hub.secrets.sealing.keyring.newest(ring)
        return key.certificate if key is not None else ""

    file = theatre.folder / f"{ring}.pem"
    file.write_text(await until(look, 30, what=f"ring {ring} has a key"))
    return file


async def data(theatre: Theatre, name: str, member: str = "eu") -> dict[str, str]:
    found = await theatre.members[member].get("Secret", name, theatre.namespace)
    given = (found or {}).get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in given.items()}


async def test_what_kubeseal_sealed_in_each_scope_is_delivered(theatre: Theatre, kubeseal: Path) -> None:
    await theatre.register("eu")
    await theatre.register("us")
    await theatre.start()
    file = await certificate(theatre)
    content = {}
    for scope in ("strict", "namespace-wide", "cluster-wide"):
        made = sealed(
            kubeseal, file, secret(f"s-{scope}", theatre.namespace, password=CLEAR), "--scope", scope
        )
        content[f"apps/app/{scope}.yaml"] = manifest_of(made)
    theatre.repo.commit(content)
    await theatre.application()
    await theatre.synced()
    for member in ("eu", "us"):
        for scope in ("strict", "namespace-wide", "cluster-wide"):
            assert await data(theatre, f"s-{scope}", member) == {"password": CLEAR}
    found = await theatre.members["eu"].get("Secret", "s-strict", theatre.namespace)
    assert found is not None
    assert found["type"] == "Opaque"
    assert names.APPLYSET_PART_OF in found["metadata"]["labels"]


async def test_a_value_moved_to_another_name_stays_shut_and_its_neighbours_do_not_wait(
    theatre: Theatre, kubeseal: Path
) -> None:
    await theatre.register("eu")
    await theatre.start()
    made = sealed(kubeseal, await certificate(theatre), secret("mine", theatre.namespace, password=CLEAR))
    theatre.repo.commit({"apps/app/a.yaml": manifest_of(made), "apps/app/b.yaml": config("b", k="1")})
    await theatre.application()
    await theatre.synced()
    moved = {**made, "metadata": {**made["metadata"], "name": "stolen"}}
    moved["spec"] = {**made["spec"], "template": {"metadata": {"name": "stolen"}}}
    theatre.repo.commit({"apps/app/c.yaml": manifest_of(moved), "apps/app/d.yaml": config("d", k="1")})
    await theatre.everywhere("ConfigMap", "d", ("eu",))
    message = await theatre.told("app", "SecretUnresolved", "stolen", "ring default")
    assert CLEAR not in message
    assert await data(theatre, "stolen") == {}
    assert await data(theatre, "mine") == {"password": CLEAR}


async def test_what_is_sealed_for_one_environment_stays_shut_in_another(
    theatre: Theatre, kubeseal: Path
) -> None:
    await theatre.register("eu", {"env": "prod"})
    await theatre.register("us", {"env": "dev"})
    await theatre.start()
    file = await certificate(theatre, "prod")
    await certificate(theatre, "dev")
    made = sealed(kubeseal, file, secret("db", theatre.namespace, password=CLEAR))
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    await theatre.application()

    async def delivered() -> bool:
        return await data(theatre, "db", "eu") == {"password": CLEAR}

    await until(delivered, what="it is on the cluster of its environment")
    await theatre.told("app", "SecretUnresolved", "cluster us", "ring dev")
    assert await data(theatre, "db", "us") == {}
    # A label opens what it is meant to open.
    await theatre.register("us", {"env": "prod"})
    await theatre.synced()
    assert await data(theatre, "db", "us") == {"password": CLEAR}


async def test_drift_audits_and_restarts_open_only_what_they_must(
    theatre: Theatre, kubeseal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await theatre.unkeyed()
    await theatre.register("eu")
    await theatre.start()
    made = sealed(kubeseal, await certificate(theatre), secret("db", theatre.namespace, password=CLEAR))
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    await theatre.application()
    await theatre.synced()
    keyring = theatre.hub.secrets.sealing.keyring
    assert keyring.operations == 1
    theatre.repo.commit({"apps/app/c.yaml": config("c", k="1")})
    await theatre.everywhere("ConfigMap", "c", ("eu",))
    assert keyring.operations == 1
    stolen = base64.b64encode(b"other").decode()
    await theatre.members["eu"].patch("Secret", "db", theatre.namespace, {"data": {"password": stolen}})

    async def healed() -> bool:
        return await data(theatre, "db") == {"password": CLEAR}

    await until(healed, what="the hand's value is put back")
    await sealed_parents(theatre, "app")
    await theatre.stop()
    await theatre.start()
    await theatre.synced()
    again = theatre.hub.secrets.sealing.keyring

    async def unopened() -> bool:
        return again.operations == 0

    await holds(unopened, 1.0, what="a restart opens nothing")
    await theatre.stop()
    await theatre.start(audit_interval=1)

    async def opened(times: int) -> bool:
        return theatre.hub.secrets.sealing.keyring.operations == times

    await until(lambda: opened(1), what="the first audit after a start opens it")
    await holds(lambda: opened(1), 2.5, what="further ones open nothing that nobody has written")
    note = {"metadata": {"annotations": {"note": "mine"}}}
    await theatre.members["eu"].patch("Secret", "db", theatre.namespace, note, "labeller")
    await until(lambda: opened(2), what="an audit opens what somebody has written")
    await holds(lambda: opened(2), 2.5, what="and it stands again")
    # No watch tells of it.
    worker = theatre.hub.roster.get("eu")
    assert worker is not None
    assert worker.running is not None
    monkeypatch.setattr(worker.running._observer, "_arrived", lambda *_: None)
    await theatre.members["eu"].patch("Secret", "db", theatre.namespace, {"data": {"password": stolen}})
    await until(healed, what="an audit asks the cluster itself")
    await until(lambda: opened(3), what="and opens it for that")


async def test_a_strict_application_takes_away_what_people_add_to_a_sealed_secret(
    theatre: Theatre, kubeseal: Path
) -> None:
    await theatre.register("eu")
    await theatre.start()
    made = sealed(kubeseal, await certificate(theatre), secret("db", theatre.namespace, password=CLEAR))
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    await theatre.application(syncPolicy={"automated": {"prune": True, "selfHeal": True, "strict": True}})
    await theatre.synced()
    extra = {"data": {"extra": base64.b64encode(b"mine").decode()}}
    await theatre.members["eu"].patch("Secret", "db", theatre.namespace, extra)

    async def gone() -> bool:
        return await data(theatre, "db") == {"password": CLEAR}

    await until(gone, what="what was added is taken away")
    await theatre.synced()


async def test_a_copied_key_opens_once_it_is_on_a_ring(theatre: Theatre, kubeseal: Path) -> None:
    await theatre.register("eu")
    await theatre.start()
    await certificate(theatre)
    body = keys.make("old", names.HUB_NAMESPACE, theatre.hub.clock.now() - 86400.0, 2048)
    body["metadata"] = {
        "name": f"copied-{theatre.number}",
        "namespace": names.HUB_NAMESPACE,
        "labels": {keys.LABEL: keys.ACTIVE},
    }
    pem = theatre.folder / "copied.pem"
    pem.write_bytes(base64.b64decode(body["data"]["tls.crt"]))
    made = sealed(kubeseal, pem, secret("db", theatre.namespace, password=CLEAR))
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    await theatre.api.apply(body)
    await theatre.application()
    await theatre.told("app", "SecretUnresolved", "ring default")
    assert any("seal-key assign" in one for one in theatre.hub.secrets.sealing.errors().values())
    body["metadata"]["labels"][names.RING] = "default"
    await theatre.api.apply(body)
    await theatre.synced()
    assert await data(theatre, "db") == {"password": CLEAR}
    await theatre.api.delete("Secret", body["metadata"]["name"], names.HUB_NAMESPACE)


async def test_templates_and_omitted_keys_make_the_secret(theatre: Theatre, kubeseal: Path) -> None:
    await theatre.register("eu")
    await theatre.start()
    made = sealed(
        kubeseal, await certificate(theatre), secret("db", theatre.namespace, password=CLEAR, user="ada")
    )
    made["spec"]["template"] = {
        "metadata": {"labels": {"team": "a"}},
        "type": "Opaque",
        "immutable": True,
        "data": {"url": "db://{{ .user }}:{{ .password | b64enc }}@host", "user": None},
    }
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    await theatre.application()
    await theatre.synced()
    url = f"db://ada:{base64.b64encode(CLEAR.encode()).decode()}@host"
    assert await data(theatre, "db") == {"password": CLEAR, "url": url}
    found = await theatre.members["eu"].get("Secret", "db", theatre.namespace)
    assert found is not None
    assert found["immutable"] is True
    assert found["metadata"]["labels"]["team"] == "a"
    # A template may not tell what it holds.
    made["spec"]["template"]["data"] = {"url": "{{ fail .password }}"}
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    message = await theatre.told("app", "SecretUnresolved", "fail")
    assert CLEAR not in message
    assert await data(theatre, "db") == {"password": CLEAR, "url": url}
    # An immutable one is replaced by what it is to be.
    made["spec"]["template"]["data"] = {"url": "{{ .user }}"}
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    await theatre.synced()
    assert await data(theatre, "db") == {"password": CLEAR, "user": "ada", "url": "ada"}


async def test_a_secret_is_not_removed_for_one_that_the_api_server_refuses(
    theatre: Theatre, kubeseal: Path
) -> None:
    await theatre.register("eu")
    await theatre.start()
    made = sealed(kubeseal, await certificate(theatre), secret("db", theatre.namespace, password=CLEAR))

    async def uid() -> str:
        found = await theatre.members["eu"].get("Secret", "db", theatre.namespace)
        return str(found["metadata"]["uid"]) if found is not None else ""

    async def becomes(**template: Any) -> str:
        made["spec"]["template"] = template
        return theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})

    await theatre.application()
    for immutable in (False, True):
        await theatre.synced(commit=await becomes(immutable=immutable))
        before = await uid()
        # No Secret may have such a key, or be of such a type without its keys.
        for texts, kind in (({"no key": "x"}, "Opaque"), ({}, "kubernetes.io/tls")):
            commit = await becomes(immutable=immutable, data=texts, type=kind)

            async def refused() -> bool:
                status = await theatre.status()
                return status.get("revision") == commit and bool(await theatre.condition("app", "SyncFailed"))  # noqa: B023

            async def stays() -> bool:
                return await uid() == before  # noqa: B023

            await until(refused, what=f"{kind} with {sorted(texts)} is refused")
            await holds(stays, 2.0, what=f"the Secret stays though {kind} with {sorted(texts)} is refused")
    # What a Secret may be, it becomes.
    await theatre.synced(commit=await becomes(type="example.dev/other"))
    found = await theatre.members["eu"].get("Secret", "db", theatre.namespace)
    assert found is not None
    assert found["type"] == "example.dev/other"
    assert await data(theatre, "db") == {"password": CLEAR}


async def test_registrations_and_repository_passwords_live_in_git_sealed_for_the_hub(
    theatre: Theatre, kubeseal: Path
) -> None:
    await theatre.start()
    file = await certificate(theatre, "hub")
    kubeconfig = theatre.planes.members["eu"].kubeconfig.read_text()
    body = secret("eu", names.HUB_NAMESPACE, kubeconfig=kubeconfig)
    body["metadata"]["labels"] = {names.SECRET_TYPE: names.SECRET_CLUSTER}
    other = secret("other", names.HUB_NAMESPACE, password=CLEAR)
    own = secret("fleethub-api", names.HUB_NAMESPACE, token=CLEAR)
    own["metadata"]["labels"] = {names.SECRET_TYPE: names.SECRET_REPOSITORY}
    theatre.repo.commit(
        {
            "root/eu.yaml": manifest_of(sealed(kubeseal, file, body)),
            "root/other.yaml": manifest_of(sealed(kubeseal, file, other)),
            "root/own.yaml": manifest_of(sealed(kubeseal, file, own)),
            "apps/app/a.yaml": config("a", k="1"),
        }
    )
    await theatre.application(
        "root", source={"path": "root"}, placement={"hub": True}, namespace=names.HUB_NAMESPACE
    )
    await theatre.application()
    await theatre.synced()
    await theatre.everywhere("ConfigMap", "a", ("eu",))
    status = await theatre.status("root")
    told = " ".join(one["message"] for one in status["conditions"])
    assert "one of cluster, cluster-credential, repository" in told
    assert "fleethub-api is the hub's own" in told
    assert await theatre.api.get("Secret", "other", names.HUB_NAMESPACE) is None
    api = await theatre.api.get("Secret", "fleethub-api", names.HUB_NAMESPACE)
    assert api is not None
    assert base64.b64decode(api["data"]["token"]).decode() != CLEAR


async def test_a_ring_keeps_its_key_over_restarts_however_long_reading_it_takes(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made() -> set[str]:
        found = await theatre.api.list("Secret", names.HUB_NAMESPACE, keys.LABEL)
        return {one["metadata"]["name"] for one in found}

    read_key = keys.read

    def slowly(secret: Any) -> keys.SealingKey:
        """Not before all else is known, and the hub has had time to miss a key."""
        deadline = time.monotonic() + 20
        while (theatre.running is None or not theatre.running.hub.ready) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        return read_key(secret)

    await theatre.unkeyed()
    await theatre.register("eu")
    await theatre.start()
    await theatre.keyed("default", "hub")
    before = await made()
    monkeypatch.setattr(keys, "read", slowly)
    for _ in range(2):
        await theatre.stop()
        await theatre.start()
        await theatre.keyed("default", "hub")
        assert await made() == before
