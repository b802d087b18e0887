"""Files of sealed secrets: what a check says of them, what sealing anew leaves alone, and backups of keys."""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from fleet import names
from fleet.cli import errors, main, saving
from fleet.cli.seal import checking, keysaved, making, reseal
from fleet.documents import read, write
from fleet.secrets import keys, seal
from fleet.secrets.keyring import Keyring
from fleet.secrets.seal import Scope
from tests.stage.gitrepo import ENVIRONMENT

CLEAR = b"hunter2-und-mehr"


@functools.cache
def made(ring: str, name: str, at: float) -> keys.SealingKey:
    body = keys.make(ring, "fleethub", at, 2048)
    return keys.read({**body, "metadata": {**body["metadata"], "name": name}})


@functools.cache
def certificate() -> bytes:
    return base64.b64decode(keys.make("prod", "fleethub", 1_000_000.0, 2048)["data"]["tls.crt"])


def old() -> keys.SealingKey:
    return made("prod", "old", 1_000_000.0)


def new() -> keys.SealingKey:
    return made("prod", "new", 2_000_000.0)


def other() -> keys.SealingKey:
    return made("dev", "other", 1_500_000.0)


def keyring(*given: keys.SealingKey) -> Keyring:
    found = Keyring()
    for key in given:
        found.put(key)
    return found


@contextlib.contextmanager
def own_umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def sealed(key: keys.SealingKey, name: str = "db", **values: bytes) -> dict[str, Any]:
    secret = {"kind": "Secret", "metadata": {"name": name, "namespace": "shop"}}
    return making.sealed(secret, values, Scope.STRICT, key.private.public_key())


def values(body: dict[str, Any], key: keys.SealingKey) -> dict[str, bytes | None]:
    """What one key opens of it."""
    place = seal.label(Scope.STRICT, "shop", body["metadata"]["name"])
    return {
        name: seal.unseal(key.private, place, seal.parse(text))
        for name, text in body["spec"]["encryptedData"].items()
    }


def test_sealing_anew_moves_the_values_and_nothing_else_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    body = sealed(old(), password=CLEAR, user=b"ada")
    template = "    data:\r\n      url: 'db://{{ .user }}:{{ .password }}'   # stays\r\n"
    text = (
        f"# a comment\r\nkind: ConfigMap\r\n---\r\n{write.yaml(body)}{template}---\nno: {{{{ manifest }}}}\n"
    )
    file.write_bytes(text.encode())
    assert reseal._one(file, keyring(old(), new())) == (2, 0)
    after = file.read_bytes().decode()
    (found,) = checking.sealed_in(after.encode(), "db.yaml")
    moved = json.loads(found.body)
    assert values(moved, new()) == {"password": CLEAR, "user": b"ada"}
    for name, was in body["spec"]["encryptedData"].items():
        after = after.replace(moved["spec"]["encryptedData"][name], was)
    assert after == text
    assert reseal._one(file, keyring(old(), new())) == (0, 0)


def test_a_value_stays_with_the_ring_that_opens_it(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    file.write_text(write.yaml(sealed(old(), password=CLEAR)))
    assert reseal._one(file, keyring(old(), new(), other())) == (1, 0)
    moved = read.value(file.read_bytes(), path="db.yaml")
    assert values(moved, other()) == {"password": None}
    assert values(moved, new()) == {"password": CLEAR}


def test_what_no_key_opens_and_what_does_not_read_stays_and_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "db.yaml"
    strange, odd = sealed(other(), "strange", password=CLEAR), sealed(old(), "odd", password=CLEAR)
    odd["spec"]["template"]["stringData"] = {"password": CLEAR.decode()}
    broken = sealed(old(), "broken", password=CLEAR)
    broken["spec"]["encryptedData"]["password"] = "AgA="
    twice = sealed(old(), "twice", password=CLEAR)
    twice["spec"]["encryptedData"]["again"] = twice["spec"]["encryptedData"]["password"]
    documents = [strange, odd, broken, twice, sealed(old(), password=CLEAR)]
    file.write_text("---\n".join(write.yaml(one) for one in documents))
    assert reseal._one(file, keyring(old(), new())) == (1, 5)
    after = [json.loads(one.body) for one in checking.sealed_in(file.read_bytes(), "db.yaml")]
    assert after[:4] == documents[:4]
    assert values(after[4], new()) == {"password": CLEAR}
    told = capsys.readouterr()
    for where in ("strange password", "odd", "broken password", "twice password", "twice again"):
        (line,) = [line for line in told.err.splitlines() if f"shop/{where}" in line]
        assert line.startswith(f"{file}: ")
    assert CLEAR.decode() not in told.out + told.err


def test_a_check_says_for_each_value_which_rings_open_it(capsys: pytest.CaptureFixture[str]) -> None:
    body = sealed(old(), a=CLEAR, b=CLEAR)
    body["spec"]["encryptedData"]["b"] = sealed(other(), b=CLEAR)["spec"]["encryptedData"]["b"]
    body["spec"]["encryptedData"]["c"] = "AgA="
    odd = sealed(old(), "odd", a=CLEAR)
    odd["spec"]["data"] = "of before 2019"
    text = "---\n".join(write.yaml(one) for one in (body, odd, {"kind": "ConfigMap"}))
    first, second = checking.sealed_in(text.encode(), "db.yaml")
    every = keyring(old(), new(), other())
    assert checking.openers(first, every) == {"a": ["prod"], "b": ["dev"], "c": []}
    assert not any(checking.openers(second, every).values())
    told = capsys.readouterr()
    assert "shop/db c" in told.err
    assert "shop/odd" in told.err
    assert CLEAR.decode() not in told.out + told.err


def test_a_file_that_is_no_text_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    content = write.yaml(sealed(old(), password=CLEAR)).encode() + b"# caf\xe9\n"
    file.write_bytes(content)
    assert reseal._one(file, keyring(old(), new())) == (0, 0)
    assert file.read_bytes() == content


def test_what_is_added_to_a_file_is_utf_8_whatever_the_machine_writes_its_own_text_in(tmp_path: Path) -> None:
    body = sealed(old(), password=CLEAR)
    body["spec"]["template"]["metadata"]["annotations"] = {"owner": "Zoë"}
    file, cert = tmp_path / "db.yaml", tmp_path / "cert.pem"
    file.write_bytes(write.yaml(body).encode())
    cert.write_bytes(certificate())
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    more = f"seal --cert {cert} --from-literal user=ada --merge-into {file}".split()
    subprocess.run(
        [sys.executable, "-m", "fleet.cli", *more],
        env=plain,
        check=True,
        timeout=60,
    )
    after = read.value(file.read_bytes(), path="db.yaml")
    assert set(after["spec"]["encryptedData"]) == {"password", "user"}
    assert after["spec"]["template"] == body["spec"]["template"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_file_of_a_repository_keeps_its_rights_and_its_links(tmp_path: Path, umask: int) -> None:
    file, link, fresh = (tmp_path / name for name in ("db.yaml", "link.yaml", "fresh.yaml"))
    file.write_text("older")
    file.chmod(0o640)
    link.symlink_to(file)
    with own_umask(umask):
        saving.put(link, "newer ë\n".encode())
        saving.put(fresh, b"newer")
    assert link.is_symlink()
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"newer \xc3\xab\n", 0o640)
    assert fresh.stat().st_mode & 0o777 == 0o666 & ~umask
    assert {one.name for one in tmp_path.iterdir()} == {"db.yaml", "link.yaml", "fresh.yaml"}


def test_a_file_of_a_repository_is_another_one_once_it_is_whole(tmp_path: Path) -> None:
    file, before = tmp_path / "db.yaml", tmp_path / "before"
    file.write_text("older")
    before.hardlink_to(file)
    saving.put(file, b"newer")
    assert (file.read_text(), before.read_text()) == ("newer", "older")


def test_a_file_of_a_repository_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    file.write_text("older")
    with pytest.raises(TypeError):
        saving.put(file, ["cut"])  # type: ignore[arg-type]
    with pytest.raises(click.ClickException, match=r"no/db\.yaml cannot be written"):
        saving.put(tmp_path / "no" / "db.yaml", b"newer")
    assert [one.name for one in tmp_path.iterdir()] == ["db.yaml"]
    assert file.read_text() == "older"


class Windows:
    """The system's calls where a folder cannot be opened."""

    name = "nt"

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, *_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_file_is_written_where_a_folder_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "os", Windows())
    saving.write(str(tmp_path / "hub.age"), b"all", force=False)
    saving.put(tmp_path / "db.yaml", b"some")
    assert (tmp_path / "hub.age").read_bytes() == b"all"
    assert (tmp_path / "db.yaml").read_bytes() == b"some"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("seal -f no.yaml", "no.yaml"),
        ("seal --name db --from-file password=no.yaml", "no.yaml"),
        ("seal -f secret.yaml --cert no.yaml", "no.yaml"),
        ("seal --check no.yaml", "no.yaml"),
        ("seal -f secret.yaml --cert cert.pem --merge-into no.yaml", "no.yaml"),
        ("seal -f secret.yaml --cert secret.yaml", "secret.yaml"),
        ("seal --check .", "."),
        ("init secret.yaml/below", "secret.yaml/below"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_that_names_it(
    arguments: str,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    secret = {"kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"password": "eA=="}}
    Path("secret.yaml").write_text(write.yaml(secret))
    Path("cert.pem").write_bytes(certificate())
    before = sorted(tmp_path.rglob("*"))
    assert main.execute(arguments.split()) == errors.FAILED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert re.match(f"Error: {re.escape(named)}(:| cannot be used:) ", told.err)
    assert sorted(tmp_path.rglob("*")) == before


def test_where_a_secret_has_no_namespace_the_option_that_gives_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cert = tmp_path / "cert.pem"
    cert.write_bytes(certificate())
    command = ["seal", "--name", "db", "--from-literal", "user=ada", "--cert", str(cert)]
    assert main.execute(command) == errors.FAILED
    assert "--target-namespace" in capsys.readouterr().err
    assert main.execute([*command, "--target-namespace", "shop"]) == errors.DONE


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_backup_is_its_owners_alone_and_takes_the_place_of_another_only_by_force(
    tmp_path: Path, umask: int
) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("the only copy of older keys")
    file.chmod(0o644)
    with own_umask(umask):
        with pytest.raises(click.ClickException, match="exists already"):
            saving.write(str(file), b"newer keys", force=False)
        assert file.read_text() == "the only copy of older keys"
        saving.write(str(file), b"newer keys", force=True)
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("newer keys", 0o600)
        fresh = tmp_path / "fresh.yaml"
        saving.write(str(fresh), b"newer keys", force=False)
        assert fresh.stat().st_mode & 0o777 == 0o600
    assert {one.name for one in tmp_path.iterdir()} == {"keys.yaml", "fresh.yaml"}


def test_a_link_in_the_way_of_a_backup_is_not_followed(tmp_path: Path) -> None:
    elsewhere, file = tmp_path / "elsewhere", tmp_path / "keys.yaml"
    file.symlink_to(elsewhere)
    with pytest.raises(click.ClickException, match="exists already"):
        saving.write(str(file), b"keys", force=False)
    saving.write(str(file), b"keys", force=True)
    assert not elsewhere.exists()
    assert not file.is_symlink()


def test_a_backup_that_cannot_be_written_leaves_nothing_and_the_older_one(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("older")
    with pytest.raises(TypeError):
        saving.write(str(file), ["cut"], force=True)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        saving.write(str(tmp_path / "fresh.yaml"), ["cut"], force=False)  # type: ignore[arg-type]
    assert [one.name for one in tmp_path.iterdir()] == ["keys.yaml"]
    assert file.read_text() == "older"


def test_a_backup_has_its_name_only_once_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, seen = tmp_path / "keys.yaml", []
    monkeypatch.setattr("os.fsync", lambda _: seen.append(file.exists()))
    saving.write(str(file), b"keys", force=False)
    assert seen == [False, True]
    with pytest.raises(click.ClickException, match="there is no folder"):
        saving.write(str(tmp_path / "no" / "keys.yaml"), b"keys", force=True)


def test_a_file_that_came_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys.yaml"
    monkeypatch.setattr("os.fsync", lambda _: file.write_text("another's"))
    with pytest.raises(click.ClickException, match="exists already"):
        saving.write(str(file), b"keys", force=False)
    assert file.read_text() == "another's"
    assert [one.name for one in tmp_path.iterdir()] == ["keys.yaml"]


def test_a_key_on_no_ring_is_kept_in_a_backup_and_what_is_no_key_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = keys.make("prod", "fleethub", 1.0, 2048)
    body["metadata"] = {"name": "copied", "labels": {keys.LABEL: keys.ACTIVE}}
    assert keysaved._told(body)
    assert names.RING not in body["metadata"]["labels"]
    assert not keysaved._told({**body, "data": {"tls.key": body["data"]["tls.key"]}})
    assert "copied" in capsys.readouterr().err
