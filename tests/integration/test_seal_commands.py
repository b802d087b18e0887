"""``fleethub seal``, ``reseal`` and ``seal-key``, beside the real kubeseal."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fleet import names
from fleet.documents import read
from fleet.secrets import keys
from tests.integration.test_cli import fleethub
from tests.integration.test_sealed import CLEAR, certificate, data, kubeseal, sealed, secret
from tests.stage.api import until
from tests.stage.theatre import Theatre, manifest_of

__all__ = ["kubeseal"]


async def given(theatre: Theatre, stdin: str, *arguments: str) -> str:
    """Run a command with an input; its output."""
    environment = {**os.environ, "KUBECONFIG": str(theatre.planes.hub.kubeconfig)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleet.cli", *arguments, env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(stdin.encode())
    assert process.returncode == 0, err.decode()
    return out.decode()


def value(text: str) -> Any:
    return read.value(text.encode(), path="output")


async def test_kubeseal_takes_the_certificate_from_the_hubs_url(theatre: Theatre, kubeseal: Path) -> None:
    await theatre.register("eu", {"env": "prod"})
    await theatre.start()
    await certificate(theatre, "prod")
    assert theatre.running is not None
    url = f"{theatre.running.url}/v1/cert.pem?ring=prod"
    made = await asyncio.to_thread(_by_url, kubeseal, url, theatre.namespace)
    theatre.repo.commit({"apps/app/db.yaml": manifest_of(made)})
    await theatre.application()
    await theatre.synced()
    assert await data(theatre, "db") == {"password": CLEAR}


def _by_url(kubeseal: Path, url: str, namespace: str) -> dict[str, Any]:
    done = subprocess.run(
        [str(kubeseal), "--cert", url, "-o", "yaml"],
        input=manifest_of(secret("db", namespace, password=CLEAR)).encode(),
        capture_output=True,
        check=True,
        timeout=30,
    )
    found: dict[str, Any] = value(done.stdout.decode())
    return found


async def test_what_is_sealed_by_the_command_line_is_delivered_and_checked(theatre: Theatre) -> None:
    await theatre.register("eu", {"env": "prod"})
    await theatre.start()
    await certificate(theatre, "prod")
    body = manifest_of(secret("db", theatre.namespace, password=CLEAR))
    text = await given(theatre, body, "seal", "--ring", "prod")
    assert CLEAR not in text
    file = theatre.folder / "db.yaml"
    file.write_text(text)
    more = theatre.folder / "more"
    more.write_text("second")
    await fleethub(
        theatre, "seal", "--ring", "prod", "--from-file", f"token={more}", "--merge-into", str(file)
    )
    theatre.repo.commit({"apps/app/db.yaml": file.read_text()})
    await theatre.application()
    await theatre.synced()
    assert await data(theatre, "db") == {"password": CLEAR, "token": "second"}
    checked = await fleethub(theatre, "seal", "--check", str(file))
    assert "prod" in checked.out
    assert "eu" in checked.out
    moved = value(file.read_text())
    moved["metadata"]["name"] = "other"
    file.write_text(manifest_of(moved))
    refused = await fleethub(theatre, "seal", "--check", str(file), code=3)
    assert "no ring opens it" in refused.out
    assert CLEAR not in refused.out + refused.err


async def test_keys_are_rotated_and_what_a_repository_holds_is_sealed_anew(
    theatre: Theatre, kubeseal: Path
) -> None:
    await theatre.register("eu")
    await theatre.start()
    made = sealed(kubeseal, await certificate(theatre), secret("db", theatre.namespace, password=CLEAR))
    made["spec"]["template"]["data"] = {"twice": "{{ .password }}{{ .password }}"}
    before = theatre.hub.secrets.sealing.keyring.newest("default")
    assert before is not None
    clone = theatre.folder / "clone"
    clone.mkdir()
    subprocess.run(["git", "-C", str(clone), "init", "-q"], check=True)
    for name in ("user.name", "user.email"):
        subprocess.run(["git", "-C", str(clone), "config", name, "t@t.example"], check=True)
    file = clone / "db.yaml"
    file.write_text(f"# a comment that stays\n{manifest_of(made)}")
    subprocess.run(["git", "-C", str(clone), "add", "."], check=True)
    subprocess.run(["git", "-C", str(clone), "commit", "-qm", "one"], check=True)
    await fleethub(theatre, "seal-key", "rotate", "--ring", "default")

    async def renewed() -> bool:
        newest = theatre.hub.secrets.sealing.keyring.newest("default")
        return newest is not None and newest.secret != before.secret

    await until(renewed, what="the ring has a new key")
    listed = await fleethub(theatre, "seal-key", "list")
    assert listed.out.count("default") >= 2
    done = await fleethub(theatre, "reseal", str(clone))
    assert "1 values in 1 files" in done.out
    text = file.read_text()
    assert text.startswith("# a comment that stays\n")
    now = value(text)
    assert now["spec"]["template"] == made["spec"]["template"]
    assert now["spec"]["encryptedData"] != made["spec"]["encryptedData"]
    log = subprocess.run(
        ["git", "-C", str(clone), "log", "--oneline"], capture_output=True, check=True
    ).stdout
    assert log.count(b"\n") == 2
    elsewhere = clone / "elsewhere.yaml"
    elsewhere.write_text(manifest_of({**made, "metadata": {**made["metadata"], "name": "other"}}))
    left = await fleethub(theatre, "reseal", str(clone), code=3)
    assert "1 stay" in left.out
    assert f"{elsewhere}: {theatre.namespace}/other password opens with no key" in left.err
    await fleethub(theatre, "seal", "--check", str(elsewhere), code=3)
    elsewhere.unlink()
    again = await fleethub(theatre, "reseal", str(clone))
    assert "0 values" in again.out
    theatre.repo.commit({"apps/app/db.yaml": text})
    await theatre.application()
    await theatre.synced()
    assert await data(theatre, "db") == {"password": CLEAR, "twice": CLEAR * 2}


async def test_a_backup_brings_back_keys_that_were_lost(theatre: Theatre) -> None:
    await theatre.register("eu")
    await theatre.start()
    await certificate(theatre)
    file = theatre.folder / "keys.yaml"
    unassigned = keys.make("none", names.HUB_NAMESPACE, theatre.hub.clock.now(), 2048)
    unassigned["metadata"] = {
        "name": f"copied-{theatre.number}",
        "namespace": names.HUB_NAMESPACE,
        "labels": {keys.LABEL: keys.ACTIVE},
    }
    await theatre.api.apply(unassigned)
    await fleethub(theatre, "seal-key", "backup", str(file))
    assert file.stat().st_mode & 0o077 == 0
    kept = file.read_text()
    refused = await fleethub(theatre, "seal-key", "backup", str(file), code=1)
    assert "exists already" in refused.err
    assert file.read_text() == kept
    await fleethub(theatre, "seal-key", "backup", "--force", str(file))
    await theatre.api.delete("Secret", f"copied-{theatre.number}", names.HUB_NAMESPACE)
    lost = theatre.hub.secrets.sealing.keyring.newest("default")
    assert lost is not None
    await theatre.api.delete("Secret", lost.secret, names.HUB_NAMESPACE)

    async def gone() -> bool:
        return all(key.secret != lost.secret for key in theatre.hub.secrets.sealing.keyring.all())

    await until(gone, what="the key is lost")
    await fleethub(theatre, "seal-key", "restore", str(file))

    async def back() -> bool:
        return any(key.fingerprint == lost.fingerprint for key in theatre.hub.secrets.sealing.keyring.all())

    await until(back, what="the key is back")
    found = await theatre.api.get("Secret", lost.secret, names.HUB_NAMESPACE)
    assert found is not None
    assert found["metadata"]["labels"][keys.LABEL] == keys.ACTIVE
    copied = await theatre.api.get("Secret", f"copied-{theatre.number}", names.HUB_NAMESPACE)
    assert copied is not None
    assert names.RING not in copied["metadata"]["labels"]
    assert copied["data"] == unassigned["data"]
    await theatre.api.delete("Secret", f"copied-{theatre.number}", names.HUB_NAMESPACE)
