"""``GET /v1/cert.pem?ring=NAME``: what ``kubeseal --cert`` asks for. A certificate is public: nobody has to say who they are.

The controller's ``/v1/verify`` and ``/v1/rotate`` are not served: they answer questions about other people's secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from fleet.web import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    # The certificate that a ring seals with, empty where it has none; and the rings that have one.
    Certificate = Callable[[str], str]
    Rings = Callable[[], tuple[str, ...]]

DEFAULT: Final = "default"
_SHOWN: Final = 63


def routes(certificate: Certificate, rings: Rings) -> list[web.RouteDef]:
    """Give the route."""

    async def handler(request: web.Request) -> web.Response:
        ring = request.query.get("ring", DEFAULT)
        found = certificate(ring)
        if not found:
            known = ", ".join(rings()) or "none"
            return answers.refusal(
                404, "NotFound", f"there is no ring {ring[:_SHOWN]!r} with a key; there is {known}"
            )
        return web.Response(text=found, content_type="application/x-pem-file")

    return [web.get("/v1/cert.pem", handler)]
