"""``spec.target`` of an ExternalSecret, and its template. Contract: pure; raises SecretRefused, which names the field.

A template is an input of strangers, as that of a SealedSecret is. It decides neither name nor namespace nor owner, and
reaches no label or annotation: these are shown by what masks a Secret's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet.secrets import body, refused
from fleet.secrets.forms.external.spec import Deletion, Target, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.secrets.fields import Node

_TARGET: Final = {"manifest": "makes another kind than a Secret, and the values would stand in it in clear"}
_TEMPLATE_METADATA: Final = {"finalizers": "keeps the Secret from being removed"}
_FROM: Final = {
    "configMap": "reads a ConfigMap of the cluster, which the hub does not; write it as literal",
    "secret": "reads a Secret of the cluster, which the hub does not; write it as literal",
    "valuesDecodingStrategy": "decodes what was made, which the hub does not",
}
_CREATION: Final = {
    "Merge": "writes into a Secret of somebody else, and the hub keeps what it writes as its own",
    "CreateOrMerge": "may write into a Secret of somebody else, and the hub keeps what it writes as its own",
    "None": "makes no Secret",
}
_SHOWN_TO_ALL: Final = (
    "is a template, and would put a value where it is shown: labels and annotations are not masked"
)
_OPENING: Final = "{{"
_OF_OPERATOR: Final = ("external-secrets.io/", "reconcile.external-secrets.io/")


def read(root: Node) -> Target:
    """The target of the ExternalSecret whose body ``root`` is."""
    node = root.below("spec").below("target")
    node.only(("name", "creationPolicy", "deletionPolicy", "immutable", "template"), _TARGET)
    creation = node.choice("creationPolicy", ("Owner", "Orphan", *_CREATION), "Owner")
    if creation in _CREATION:
        raise node.unsupported("creationPolicy", f"{creation} {_CREATION[creation]}")
    deletion = Deletion(node.choice("deletionPolicy", tuple(Deletion), Deletion.RETAIN))
    orphan, immutable = creation == "Orphan", node.flag("immutable")
    if not isinstance(node.held.get("template"), dict):
        node.below("template")
        return Target(orphan, deletion, immutable, metadata=_carried(root.below("metadata")))
    template = node.below("template")
    template.only(("type", "engineVersion", "metadata", "data", "mergePolicy", "templateFrom"))
    if template.text("engineVersion", "v2") != "v2":
        raise template.unsupported("engineVersion", "must be v2, the only one that there is by now")
    kind = template.text("type") or "Opaque"
    if _OPENING in kind:
        raise template.refused("type", "is taken as it is written, and is no template")
    refused.check(root.ref, kind)
    return Target(
        orphan, deletion, immutable, kind, _metadata(template.below("metadata")), _template(template)
    )


def _template(node: Node) -> Template:
    texts = node.texts("data")
    for key in texts:
        if not body.is_key(key):
            raise node.below("data").refused(
                key, "is no key of a Secret: those have letters, digits and . _ -"
            )
    literals = tuple(_literal(one) for one in node.items("templateFrom"))
    merge = node.choice("mergePolicy", ("Replace", "Merge"), "Replace") == "Merge"
    # Without a text to make, a template only dresses the values.
    return Template(texts, literals, merge or not (texts or literals))


def _literal(node: Node) -> str:
    if node.text("valuesDecodingStrategy") == "None":
        node.only(("literal", "target", "valuesDecodingStrategy"), _FROM)
    else:
        node.only(("literal", "target"), _FROM)
    if node.text("target", "Data").lower() != "data":
        raise node.unsupported("target", "must be Data: labels and annotations are not masked")
    return node.needed("literal")


def _metadata(node: Node) -> dict[str, Any]:
    node.only(("labels", "annotations"), _TEMPLATE_METADATA)
    found = {name: node.texts(name) for name in ("labels", "annotations")}
    for name, texts in found.items():
        for key, text in texts.items():
            if _OPENING in text:
                raise node.below(name).unsupported(key, _SHOWN_TO_ALL)
    return _kept(found)


def _carried(node: Node) -> dict[str, Any]:
    """Without a template, the ExternalSecret's own labels and annotations go over."""
    return _kept({name: node.texts(name) for name in ("labels", "annotations")})


def _kept(found: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Without what tools leave there: a copy of the manifest, and the operator's own marks."""
    return {
        name: {
            key: text
            for key, text in texts.items()
            if key not in body.LAST_APPLIED and not key.startswith(_OF_OPERATOR)
        }
        for name, texts in found.items()
    }
