"""A SealedSecret's templates, over what was opened."""

from __future__ import annotations

import orjson
import pytest

from fleet.model import Manifest, ObjectRef, Origin
from fleet.secrets.forms.sealed import KIND
from fleet.secrets.keyring import Keyring
from fleet.secrets.refused import SecretRefused
from fleet.secrets.unseal import unseal


def test_the_templates_of_one_secret_share_what_they_may_do() -> None:
    def made(count: int) -> bytes:
        texts = {f"k{number}": "{{ range until 30000 }}{{ end }}" for number in range(count)}
        body = {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": KIND,
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"template": {"data": texts}},
        }
        ref = ObjectRef("", "Secret", "shop", "db")
        return unseal(Manifest(ref, "v1", orjson.dumps(body), Origin("x"), form=KIND), "eu", (), Keyring())

    assert orjson.loads(made(3))["data"] == {"k0": "", "k1": "", "k2": ""}
    with pytest.raises(SecretRefused, match=r"spec.template.data.k3: .* steps"):
        made(4)
