"""Workloads for Vault's Agent Injector go to the cluster as they stand, and what it adds there is its own."""

from __future__ import annotations

from typing import Any

from tests.stage.api import holds, until
from tests.stage.injector import INJECT, STATUS, Injector
from tests.stage.seams import Meddler, meddled
from tests.stage.theatre import Theatre, manifest

NOTES = {
    INJECT: "true",
    "vault.hashicorp.com/role": "shop",
    "vault.hashicorp.com/agent-inject-secret-db": "secret/data/shop/db",
    "vault.hashicorp.com/agent-inject-template-db": (
        '{{- with secret "secret/data/shop/db" -}}\n{{ .Data.data.password }} {{ cluster.name }}\n{{- end }}'
    ),
    "vault.hashicorp.com/agent-inject-command-db": "kill -HUP $(pidof app) ${ARGOCD_APP_NAME}",
}
ADDED = {"vault-agent", "vault-agent-init", "home-init", "home-sidecar", "vault-secrets"}


def pod(**more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "web", "image": "nginx:1.27", **more}]}


def parts(spec: dict[str, Any]) -> set[str]:
    """Names of containers and volumes."""
    return {one["name"] for key in ("containers", "initContainers", "volumes") for one in spec.get(key) or ()}


async def test_what_the_agent_injector_adds_is_no_drift_and_its_annotations_pass_untouched(
    theatre: Theatre,
) -> None:
    """It works on Pods: of one in Git, and of one that a controller makes of a Deployment in Git."""
    member, name = theatre.members["eu"], f"injector-{theatre.namespace}"
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels, "annotations": NOTES}, "spec": pod()}
    theatre.repo.commit(
        {
            "apps/app/pod.yaml": manifest("Pod", "alone", metadata={"annotations": NOTES}, spec=pod()),
            "apps/app/web.yaml": manifest(
                "Deployment", "web", spec={"selector": {"matchLabels": labels}, "template": template}
            ),
        }
    )
    meddler = Meddler()
    with Injector(theatre.planes.members["eu"].authority) as injector:
        await member.apply(injector.configuration(name, theatre.namespace))
        try:
            await asked(theatre, injector)
            await theatre.register("eu")
            await theatre.start(meddled(meddler), audit_interval=2)
            # All that can make the hub look closely is on: placeholders, restarts, self-heal, and no field of a person's.
            await theatre.application(
                secrets={"placeholders": "Resolve"},
                syncPolicy={"automated": {"prune": True, "selfHeal": True, "strict": True}},
            )
            await theatre.synced()
            alone, web = await live(theatre, "Pod", "alone"), await live(theatre, "Deployment", "web")
            assert parts(alone["spec"]) >= ADDED
            notes = alone["metadata"]["annotations"]
            assert {key: notes[key] for key in notes if key in NOTES or key == STATUS} == {
                **NOTES,
                STATUS: "injected",
            }
            assert web["spec"]["template"]["metadata"]["annotations"] == NOTES
            assert parts(web["spec"]["template"]["spec"]) == {"web"}
            assert injector.seen.count(("CREATE", "Pod")) >= 1
            audits = len(applied(meddler))

            async def audited() -> bool:
                """What an audit applies, it applies to both."""
                return len(applied(meddler)) >= audits + 4

            await until(audited, what="two audits have gone by")

            async def calm() -> bool:
                return (
                    await live(theatre, "Pod", "alone") == alone
                    and await live(theatre, "Deployment", "web") == web
                    and (await theatre.status())["sync"] == "Synced"
                )

            await holds(calm, 3.0, what="neither object is written to, and the Application is Synced")
            conditions = {
                one["type"] for one in (await theatre.status())["conditions"] if one["status"] == "True"
            }
            assert conditions.isdisjoint({"ForeignFields", "Contested", "SyncFailed", "Drifted"})
        finally:
            await member.delete("MutatingWebhookConfiguration", name)
            await theatre.stop()
            await member.delete("Pod", "alone", theatre.namespace)


async def live(theatre: Theatre, kind: str, name: str) -> dict[str, Any]:
    found = await theatre.members["eu"].get(kind, name, theatre.namespace)
    assert found is not None
    return found


def applied(meddler: Meddler) -> list[str]:
    return [
        one.path for one in meddler.writes("eu") if one.path.endswith(("/pods/alone", "/deployments/web"))
    ]


async def asked(theatre: Theatre, injector: Injector) -> None:
    """Wait until the API server knows the webhook."""
    probe = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": theatre.namespace}}

    async def look() -> bool:
        member = theatre.members["eu"]
        await member.apply({**probe, "spec": pod()})
        await member.delete("Pod", "probe", theatre.namespace)
        return bool(injector.seen)

    await until(look, what="the API server asks the injector")
    injector.seen.clear()
