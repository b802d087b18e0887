"""A value as YAML text."""

from __future__ import annotations

from typing import Any, Final

from yaml import ScalarNode, dump
from yaml.cyaml import CSafeDumper
from yaml.representer import RepresenterError

from fleet.documents import scalars
from fleet.documents.limits import Refused

_ENDLESS: Final = 1 << 20  # no line is folded: a folded string is hard to grep and to compare


class _Dumper(CSafeDumper):
    """PyYAML's safe dumper without aliases, with strings quoted by the rules of our reader."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (the base class's signature)
        return True


def _string(dumper: _Dumper, text: str) -> ScalarNode:
    style = None
    if "\n" in text:
        style = "|"  # libyaml falls back to quotes where a block cannot hold the text
    elif not _reads_back(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


def _reads_back(text: str) -> bool:
    """Whether a plain scalar of this text reads as this string, as a value and as a key."""
    try:
        return scalars.plain(text) == text
    except Refused:
        return False


_Dumper.add_multi_representer(str, _string)
_Dumper.add_representer(str, _string)


def yaml(value: Any) -> str:
    """YAML of a JSON-like value, keys in the order given, that ``read.value`` reads back as an equal value.

    Raises ``TypeError`` for a value that JSON could not hold either.
    """
    try:
        text: str = dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ENDLESS)
    except RepresenterError:
        raise TypeError("the value holds something that YAML of a manifest cannot") from None
    return text
