"""Which of a stranger's paths stand in the way of a refused apply."""

from __future__ import annotations

from fleet.ownership.entries import paths_of
from fleet.ownership.strangers import within
from tests.unit.ownership.objects import step

WEB, SIDECAR = step(name="web"), step(name="sidecar")
PORT_80, PORT_81 = step(port=80, protocol="TCP"), step(port=81, protocol="TCP")
CONTAINERS = ("f:spec", "f:template", "f:spec", "f:containers")
OURS = paths_of(
    {"f:spec": {"f:template": {"f:spec": {"f:containers": {WEB: {".": {}, "f:name": {}, "f:image": {}}}}}}}
)


def test_a_whole_item_of_the_list_is_in_the_way() -> None:
    inside = within("spec.ports[1].name", frozenset())
    assert inside(("f:spec", "f:ports", PORT_81, "f:name"))
    assert inside(("f:spec", "f:ports", PORT_81))
    assert not inside(("f:spec", "f:ports"))
    assert not inside(("f:spec", "f:selector", "f:app"))


def test_an_outer_item_must_be_one_that_we_own_something_of() -> None:
    inside = within("spec.template.spec.containers[0].ports[1].name", OURS)
    assert inside((*CONTAINERS, WEB, "f:ports", PORT_81, "f:name"))
    assert not inside((*CONTAINERS, SIDECAR, "f:ports", PORT_81, "f:name"))
    assert not inside((*CONTAINERS, WEB, "f:env", step(name="A")))


def test_a_field_deeper_in_an_item_means_its_neighbours() -> None:
    inside = within("spec.template.spec.containers[0].livenessProbe.httpGet", OURS)
    assert inside((*CONTAINERS, WEB, "f:livenessProbe", "f:exec", "f:command"))
    assert not inside((*CONTAINERS, WEB, "f:readinessProbe", "f:exec", "f:command"))
    assert not inside((*CONTAINERS, SIDECAR, "f:livenessProbe", "f:exec", "f:command"))


def test_a_field_without_list_means_its_map_but_never_the_whole_spec() -> None:
    assert within("spec.strategy.rollingUpdate", OURS)(("f:spec", "f:strategy", "f:type"))
    assert not within("spec.clusterIP", OURS)(("f:spec", "f:other"))
    assert within("spec.clusterIP", OURS)(("f:spec", "f:clusterIP"))


def test_without_a_field_the_lists_that_we_have_items_in_are_meant() -> None:
    inside = within("", OURS)
    assert inside((*CONTAINERS, SIDECAR, "f:image"))
    assert inside((*CONTAINERS, WEB, "f:env", step(name="A")))
    assert not inside(("f:spec", "f:ports", PORT_80))
    assert not inside(("f:spec", "f:replicas"))
