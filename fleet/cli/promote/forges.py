"""A pull request of a promotion, on GitHub or GitLab: made, or updated where it is open.

Contract: the token comes from the environment and goes to the forge's API alone, in a header. What a forge answers is told
by its status and never quoted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from fleet import urls
from fleet.cli.errors import CliError
from fleet.errors import FleetError
from fleet.git import forge
from fleet.git.access import Place
from fleet.git.forge import Said

GITHUB: Final = "github"
GITLAB: Final = "gitlab"
TOKENS: Final[Mapping[str, tuple[str, ...]]] = {
    GITHUB: ("FLEETHUB_FORGE_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"),
    GITLAB: ("FLEETHUB_FORGE_TOKEN", "GITLAB_TOKEN"),
}
_USER: Final = re.compile(r"\A(https?://)[^/]*@", re.IGNORECASE)
_HINTS: Final = {
    401: "The token is not valid any more",
    403: "The token must be allowed to write pull requests there",
    404: "The token sees no such repository, or --forge-api is another forge's",
    422: "The forge takes no pull request of that branch: see whether one was closed or the branches are equal",
}


@dataclass(frozen=True, slots=True)
class Forge:
    """A repository on a forge; ``path`` is its owner and name, with all groups."""

    kind: str
    api: str
    path: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pull request as it is to be."""

    base: str
    branch: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Request:
    """A pull request as it is: where, and whether it was made just now."""

    url: str
    made: bool


def of(remote: str, kind: str = "", api: str = "") -> Forge:
    """Give the forge that a remote lies on. CliError where it cannot be told, or there is no token."""
    try:
        # A remote may hold a user and a token, which are git's own matter.
        parts = urls.parse(_USER.sub(r"\1", remote))
    except ValueError:
        raise CliError(
            "the remote is no URL of a forge", hint="Use --branch instead of --pull-request"
        ) from None
    kind = kind or (GITHUB if "github" in parts.host else GITLAB if "gitlab" in parts.host else "")
    if not kind:
        raise CliError(f"{parts.host} may be any forge", hint="Give --forge github or --forge gitlab")
    own = "https://api.github.com" if parts.host == "github.com" else f"https://{parts.host}/api/v3"
    base = api or (own if kind == GITHUB else f"https://{parts.host}/api/v4")
    token = next(filter(None, (os.environ.get(name) for name in TOKENS[kind])), "")
    if not token:
        raise CliError(f"a pull request needs a token of {kind}", hint=f"Set {TOKENS[kind][-1]}")
    path = "/".join(parts.segments).removesuffix(".git")
    return Forge(kind, base.rstrip("/"), path, token)


async def put(where: Forge, wanted: Wanted) -> Request:
    """Have the pull request there as it is wanted. Raises CliError."""
    return await (_github if where.kind == GITHUB else _gitlab)(where, wanted)


async def _github(where: Forge, wanted: Wanted) -> Request:
    owner = where.path.partition("/")[0]
    pulls = f"/repos/{where.path}/pulls"
    query = {"state": "open", "head": f"{owner}:{wanted.branch}", "base": wanted.base}
    content: dict[str, Any] = {"title": wanted.title, "body": wanted.body}
    for one in (await _ask(where, "GET", pulls, query=query)).items:
        await _ask(where, "PATCH", f"{pulls}/{int(one['number'])}", body=content)
        return Request(str(one.get("html_url", "")), made=False)
    said = await _ask(where, "POST", pulls, body={**content, "head": wanted.branch, "base": wanted.base})
    return Request(str(said.content.get("html_url", "")), made=True)


async def _gitlab(where: Forge, wanted: Wanted) -> Request:
    merges = f"/projects/{quote(where.path, safe='')}/merge_requests"
    query = {"state": "opened", "source_branch": wanted.branch, "target_branch": wanted.base}
    content: dict[str, Any] = {"title": wanted.title, "description": wanted.body}
    for one in (await _ask(where, "GET", merges, query=query)).items:
        await _ask(where, "PUT", f"{merges}/{int(one['iid'])}", body=content)
        return Request(str(one.get("web_url", "")), made=False)
    more = {"source_branch": wanted.branch, "target_branch": wanted.base, "remove_source_branch": True}
    said = await _ask(where, "POST", merges, body={**content, **more})
    return Request(str(said.content.get("web_url", "")), made=True)


async def _ask(
    where: Forge,
    verb: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Said:
    headers = (
        {
            "Authorization": f"Bearer {where.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        if where.kind == GITHUB
        else {"PRIVATE-TOKEN": where.token}
    )
    asked = f"?{urlencode(query)}" if query else ""
    try:
        said = await forge.ask(verb, Place(where.api + path), headers=headers, body=body, query=asked)
    except FleetError as error:
        raise CliError(error.text) from None
    good = 300
    if said.status >= good:
        raise CliError(
            f"{where.kind} answered {said.status} for the pull request of {where.path}",
            hint=_HINTS.get(said.status, "Try again"),
        )
    return said
