"""What Kustomize wrote as it failed, in words fit for a condition.

Contract: pure. Kustomize quotes whole objects, patches and literals, a Secret's among them; so a text is looked for
what is known to be a name (files, fields, objects, places in a file), and nothing else of it is told. What is not known
here is said to be so. The forms are those of Kustomize 5.8.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection
from typing import Final

UNKNOWN: Final = "Kustomize refuses it, in words that may quote a file: `kubectl kustomize` there shows them"

# The first that is found counts. {0}, {1} are the groups: objects and paths in them are worded, too.
_FORMS: Final = tuple(
    (re.compile(form, re.DOTALL), words)
    for form, words in (
        (r"(?<![\w.])yaml: (?:unmarshal errors:\s+)?line (\d+): mapping key .{0,300}? already defined at line (\d+)", "line {0}: a key that is on line {1} already"),
        (r"(?<![\w.])yaml: unmarshal errors:\s+line (\d+): ", "line {0}: a value is not of the type that is expected"),
        (r"(?<![\w.])yaml: line (\d+): ", "line {0}: not valid YAML"),
        (r"(?<![\w.])yaml: ", "not valid YAML"),
        (r'config\.kubernetes\.io/origin":"path: ([^"\\]+)\\n.*: unsupported type: map\[interface', "{0}: a key is not a string: quote it"),
        (r'config\.kubernetes\.io/origin":"path: ([^"\\]+)\\n.*: unsupported value: ', "{0}: a number that JSON does not have"),
        (r"unsupported type: map\[interface", "a key is not a string: quote it"),
        (r"missing metadata\.name in object \{\{\S* (\w+)\}", "a {0} has no metadata.name"),
        (r"missing kind in object ", "an object has no kind"),
        (r"may not add resource with an already registered id: ([^\s']+)", "{0} is there twice"),
        (r"namespace transformation produces ID conflict", "in the namespace that is set, objects of one kind and name would meet"),
        (r"expected key=value", "a literal of a generator is not key=value"),
        (r"env source files: \[([^\]\s]+).*?has invalid utf8 bytes", "{0}: a line is not UTF-8"),
        (r"configmap (\S+) illegally repeats the key", "the generator {0} has a key twice"),
        (r"key name or file path contains '='", "a file of a generator is KEY=PATH: neither may contain ="),
        (r"must have a name", "a generator has no name"),
        (r'Kind:"(\w+)"[^}]*\}, Name:"([^"]+)"[^}]*\} does not exist; cannot merge or replace', "{0} {1} is not there for a generator to merge into or replace"),
        (r'unknown field "([^"\s]{1,100})"', 'there is no field "{0}"'),
        (r"cannot unmarshal (\w+) into Go (?:struct field (\S+)|value) of type", "the field {1} may not be a {0}"),
        (r'no resource matches strategic merge patch "([^"]+)"', "a strategic merge patch is for {0}, which is not there"),
        (r"Unexpected kind: ", "a JSON patch has an operation that does not exist"),
        (r"(\w+) operation does not apply: doc is missing (?:path|key): (/\S*?):", "a JSON patch does not apply: {0} {1}, which is not there"),
        (r"error in (\w+) for path: '(/[^']*)'", "a JSON patch does not apply: {0} {1}, which is not there"),
        (r"testing value (/\S*) failed", "a JSON patch does not apply: its test of {0} fails"),
        (r"must specify a target for JSON patch", "a JSON patch has no target"),
        (r"patch and path can't be set at the same time", "a patch has both patch and path"),
        (r"must specify one of patch and path", "a patch has neither patch nor path"),
        (r'unable to parse SM or JSON patch from \[path: "([^"]+)"\]', "{0} is neither a strategic merge nor a JSON patch"),
        (r"unable to parse SM or JSON patch", "a patch is neither a strategic merge nor a JSON patch"),
        (r"missing Resource metadata", "a patch has no metadata.name"),
        (r"considering field '([^'\s]+)' of object (\S+?): ", "{1}: {0} is not of the type that is expected"),
        (r"error parsing regexp: ", "a target is not a regular expression"),
        (r"unable to parse requirement|couldn't parse the selector", "a target's selector does not read"),
        (r"nothing selected by (\S+)", "the source of a replacement selects nothing: {0}"),
        (r"fieldPath `([^`\s]+)` is missing for replacement source (\S+)", "the source of a replacement, {1}, has no {0}"),
        (r'unable to find field "([^"\s]+)" in replacement target', "the target of a replacement has no {0}"),
        (r"wrong node kind: expected (\w+)Node but got (\w+)Node", "a {1} stands where a {0} is expected"),
        (r"resource with name (\S+) does not match a config with the following GVK", "replicas: nothing that is scaled is called {0}"),
        (r"expected kind '(\w+)' for path '([^']+)' but got '(\w+)'", "{1} is no {0} but a {2}"),
        (r"expected kind != 'Component' for path '([^']+)'", "{0} is a component: name it in components"),
        (r"external plugins disabled; unable to load external plugin '(\w+)'", "the plugin {0} is not built in, and no other is run"),
        (r"security; file '([^']+)' is not in or below '([^']+)'", "{0} is not in or below {1}"),
        (r"fieldSpecs is not expected to be nil", "a plugin has no fieldSpecs"),
        (r"evalsymlink failure on '([^']+)'", "{0} is not there"),
        (r"kustomization\.yaml is empty", "the kustomization is empty"),
        (r"unable to run: .{0,300}helm", "a chart that it inflates does not render: `helm template` shows why"),
    )
)  # fmt: skip
_FOLDER: Final = re.compile(r"recursed accumulation of path '([^']+)'")
_FILE: Final = re.compile(r"(?:accumulating|merging) resources from '([^']+)'|in File: (\S+)")
_OBJECT: Final = re.compile(
    r"(\w+)\.(?:\[noVer\]|\w+)\.(\[noGrp\]|[\w.-]+)/(\[noName\]|[\w.-]+)\.(\[noNs\]|[\w-]+)"
)
_LONGEST: Final = 300


def worded(text: str, files: Collection[str], top: str, named: Callable[[str], str] = str) -> str:
    """Where it failed, and why. ``files`` are those of the box, ``top`` the folder that was built.

    ``named`` turns a path of the box into what people know it as; empty for what they do not know.
    """
    folders = _FOLDER.findall(text)
    folder = posixpath.normpath(folders[-1] if folders else top or ".")
    rest = text.rpartition("recursed accumulation of path '")[2]
    paths = (posixpath.normpath(posixpath.join(folder, one or two)) for one, two in _FILE.findall(rest))
    file = next((path for path in reversed(list(paths)) if path in files), "")
    found = bool(file)
    if not file:
        file = next((path for path in files if path in _kustomizations(folder)), "")
    place = named(file) if file else ""
    why = _why(text, folder, files, named)
    told = why.startswith(place) or any(why.startswith(f"{named(one)}: ") for one in files)
    if not found and why.startswith("line "):
        why = f"in a file that it names, {why}"
    return f"{place}: {why}" if place and not told else why


def _why(text: str, folder: str, files: Collection[str], named: Callable[[str], str]) -> str:
    for form, words in _FORMS:
        found = form.search(text)
        if found:
            return words.format(*(_group(one or "", folder, files, named) for one in found.groups()))
    return UNKNOWN


def _group(text: str, folder: str, files: Collection[str], named: Callable[[str], str]) -> str:
    """A name: of an object, of a file of the box, or of a field as Go has it."""
    text = text[:_LONGEST]
    known = _OBJECT.fullmatch(text)
    if known:
        kind, group, name, namespace = ("" if part.startswith("[") else part for part in known.groups())
        return " ".join(filter(None, (f"{kind}.{group}".rstrip("."), name, namespace and f"in {namespace}")))
    for path in (posixpath.normpath(text), posixpath.normpath(posixpath.join(folder, text))):
        if path in files or any(one.startswith(f"{path}/") for one in files):
            return named(path) or text
    field = re.fullmatch(r"[A-Z]\w*(\.\w+)+", text)
    return ".".join(part for part in text.split(".") if part[:1].islower()) if field else text


def _kustomizations(folder: str) -> tuple[str, ...]:
    names = ("kustomization.yaml", "kustomization.yml", "Kustomization")
    return tuple(posixpath.normpath(posixpath.join(folder, name)) for name in names)
