"""From an empty folder to prod, as docs/onboarding.md says, on clusters whose Deployments become Pods; and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap.local.gitserver import create_repository
from bootstrap.local.plane import Plane
from bootstrap.local.warden import Warden
from tests.stage.api import Api, until
from tests.stage.forges import TOKEN, Forges
from tests.stage.page import Shell, blocks
from tests.stage.theatre import Planes, Theatre

GIT = "https://git.example/acme"
NAMES = ("dev", "staging", "prod")
PERSON = "[user]\n  name = Ada\n  email = ada@example.invalid\n"


@pytest.fixture(scope="module")
def clusters(planes: Planes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Plane]]:
    """A whole control plane for each environment; they share the hub's etcd."""
    folder = tmp_path_factory.mktemp("environments")
    with Warden() as warden:
        made = {
            name: Plane.create(
                name, folder / name, warden=warden, etcd=planes.hub.etcd, prefix=f"/environment-{name}"
            )
            for name in NAMES
        }
        for plane in made.values():
            plane.start()
        for plane in made.values():
            plane.wait_ready()
        yield made


async def begin(theatre: Theatre, clusters: dict[str, Plane], *names: str, **more: str) -> Shell:
    """A hub with these clusters, and somebody at a shell who is known to git."""
    await theatre.start()
    for name in names:
        await theatre.register(name, {"env": name}, kubeconfig=clusters[name].kubeconfig)
    await theatre.keyed(*names)
    folder = theatre.folder / "page"
    folder.mkdir()
    (folder / ".gitconfig").write_text(PERSON)
    return Shell(folder, theatre.planes.hub.kubeconfig, **more)


async def runs(plane: Plane, namespace: str = "shop") -> tuple[list[str], dict[str, Any]]:
    """The images of a cluster's pods, and its Secret in clear."""
    api = await Api.of(plane.kubeconfig)
    pods = await api.list("Pod", namespace)
    secret = await api.get("Secret", "shop-session", namespace)
    await api.close()
    images = [
        pod["spec"]["containers"][0]["image"] for pod in pods if "deletionTimestamp" not in pod["metadata"]
    ]
    return images, {key: base64.b64decode(value) for key, value in ((secret or {}).get("data") or {}).items()}


@pytest.mark.timeout(300)
async def test_a_change_goes_from_dev_to_prod_as_the_page_says(
    theatre: Theatre, clusters: dict[str, Plane]
) -> None:
    shell = await begin(theatre, clusters, *NAMES)
    served = create_repository(theatre.planes.folder / "repositories", f"onboarding-{theatre.number}")
    refused = told = ""
    ran = 0
    for language, text in blocks("onboarding.md", "From dev to prod"):
        assert language == "sh"
        # The one thing that differs from the page: where its repository is served.
        for line in text.replace(f"{GIT}/fleet.git", f"{theatre.planes.git.url}/{served.name}").splitlines():
            out = await shell.run(line)
            refused = out if "exit code" in line else refused
            told = out
            ran += 1
    assert ran > 15
    assert "shop: dev: healthy for" in refused
    for name, count in (("dev", 1), ("staging", 1), ("prod", 2)):
        images, secret = await runs(clusters[name])
        assert len(images) == count
        assert all(image.startswith("docker.io/library/nginx:1.28.0") for image in images)
        assert len(secret["SESSION_KEY"]) > 30
        assert ("@sha256:" in images[0]) is (name != "dev")
    rows = [line.split() for line in told.splitlines()]
    assert rows[0] == ["APPLICATION", *(name.upper() for name in NAMES)]
    (images_row,) = [row for row in rows if row[1] == "image"]
    assert len(set(images_row[2:])) == 1
    message = await shell.run("git log -1 --format=%B")
    for trailer in (
        "Promoted-From: staging",
        "Promoted-To: prod",
        "Promoted-Application: shop (fleethub/shop-staging)",
        "Evidence: shop ran docker.io/library/nginx:1.28.0@sha256:",
        "on staging",
        "Promoted-By: Ada <ada@example.invalid>",
    ):
        assert trailer in message


@pytest.mark.timeout(300)
async def test_what_does_not_run_well_is_not_promoted_and_a_protected_branch_gets_a_pull_request(  # noqa: PLR0915 (one start of all)
    theatre: Theatre, clusters: dict[str, Plane]
) -> None:
    shell = await begin(theatre, clusters, "staging", "prod", FLEETHUB_FORGE_TOKEN=TOKEN)
    served = create_repository(theatre.planes.folder / "repositories", f"acme/fleet-{theatre.number}")
    url = f"{theatre.planes.git.url}/acme/{served.name}"
    await shell.run(
        f"fleethub init fleet --repository {url} --environment staging --environment prod --app pay"
    )
    await shell.run("cd fleet")
    await shell.run("git push --quiet --set-upstream origin main")
    await shell.run("kubectl apply -f root.yaml")
    await shell.run("fleethub app wait root --sync")
    await shell.run("fleethub app wait pay-staging")
    promote = "fleethub promote pay --from staging --to prod"
    since = (await theatre.status("pay-staging"))["healthySince"]

    # The soak is not over; and it is no new one after a restart of the hub.
    assert "staging: healthy for" in await shell.run(f"{promote}  # exit code 3")
    await theatre.stop()
    await theatre.start()
    await shell.run("fleethub app wait pay-staging")
    assert (await theatre.status("pay-staging"))["healthySince"] == since
    diff = await shell.run(f"{promote} --soak 1s --wait --dry-run")
    assert "+      - pay=docker.io/library/nginx:1.27.5@sha256:" in diff

    # The tag means another image by now, and a pod took that.
    member = await Api.of(clusters["staging"].kubeconfig)
    (pod,) = await member.list("Pod", "pay")
    told = pod["status"]["containerStatuses"][0]
    told["imageID"] = f"docker.io/library/nginx@sha256:{'e' * 64}"
    told["state"]["running"]["startedAt"] = "2099-01-01T00:00:00Z"
    await status(member, pod, {"containerStatuses": [told]})
    moved = await shell.run(f"{promote} --soak 1s  # exit code 3")
    assert "staging: Deployment pay/pay runs docker.io/library/nginx as sha256:eeeeeeeeeeee" in moved
    await status(member, pod, {"containerStatuses": [{**told, "imageID": ""}]})
    assert f"pod {pod['metadata']['name']} does not tell" in await shell.run(
        f"{promote} --soak 1s  # exit code 3"
    )

    # It is not healthy.
    ill = [
        {**one, "status": "False"}
        for one in pod["status"]["conditions"]
        if one["type"] in ("Ready", "ContainersReady")
    ]
    await status(member, pod, {"conditions": ill})

    async def ailing() -> bool:
        return "healthySince" not in await theatre.status("pay-staging")

    await until(ailing, what="staging is not healthy")
    out = await shell.run(f"{promote} --soak 1s  # exit code 3")
    assert "staging: Synced, Progressing" in out
    await member.delete("Pod", pod["metadata"]["name"], "pay")
    await member.close()
    await shell.run("fleethub app wait pay-staging")

    # Nobody may push to main.
    hook = served / "hooks" / "pre-receive"
    hook.write_text('#!/bin/sh\nwhile read old new ref; do [ "$ref" != refs/heads/main ] || exit 1; done\n')
    hook.chmod(0o755)
    out = await shell.run(f"{promote} --soak 1s --wait  # exit code 1")
    assert "the remote lets nobody push to main. Use --pull-request" in out
    with Forges() as forges:
        asked = f"{promote} --soak 1s --wait --pull-request --forge github --forge-api {forges.url}/api/v3"
        assert "Made the pull request https://github.example/acme/" in await shell.run(asked)
        assert "Updated the pull request" in await shell.run(asked)
        (pull,) = forges.pulls
    assert pull["title"] == "Promote pay from staging to prod"
    assert (await shell.run("git status --porcelain")) == ""
    await shell.run("git fetch --quiet")
    assert "environments/prod/pay.yaml" in await shell.run(
        f"git diff --stat main origin/{pull['head']['ref']}"
    )

    # A person's word sets aside what only time would mend, and stands in the commit.
    hook.unlink()
    await shell.run(f"{promote} --soak 1h --force 'the old one is broken'")
    await shell.run("git pull --quiet")
    assert "Forced: the old one is broken" in await shell.run("git log -1 --format=%B")
    assert json.loads(await shell.run("fleethub env -o json"))["items"][0]["application"] == "pay"


async def status(member: Api, pod: dict[str, Any], changed: dict[str, Any]) -> None:
    """Change a pod's status, as its node would."""
    metadata = pod["metadata"]
    await member.patch("Pod", metadata["name"], metadata["namespace"], {"status": changed}, part="status")
