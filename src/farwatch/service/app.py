"""The application: which handler answers which path, behind the guard."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from farwatch.service.guard import Guard
from farwatch.service.live_socket import LiveSocket
from farwatch.service.rest import RequestError, Rest, bad_request, not_found


def make_app(rest: Rest, live: LiveSocket, hosts: frozenset[str], token: str | None, secure: bool) -> ASGIApp:
    """All that is served."""
    routes = [
        WebSocketRoute("/api/v1/live", live.serve),
        Route("/api/v1/scenario", rest.scenario),
        Route("/api/v1/sensors", rest.sensors),
        Route("/api/v1/status", rest.status),
        Route("/api/v1/tracks", rest.tracks),
        Route("/api/v1/tracks.geojson", rest.tracks_geojson),
        Route("/api/v1/track/{id}", rest.track),
        Route("/api/v1/track/{id}/history", rest.history),
        Route("/data/aircraft.json", rest.aircraft),
        Route("/data/receiver.json", rest.receiver),
        Route("/metrics", rest.metrics),
        Route("/livez", rest.livez),
        Route("/readyz", rest.readyz),
        Route("/version", rest.version),
        Route("/login", rest.login, methods=["GET", "POST"]),
        Route("/logout", rest.logout, methods=["POST"]),
        Route("/login.css", rest.login_style),
        Route("/{path:path}", rest.page),
    ]
    app = Starlette(routes=routes, exception_handlers={RequestError: bad_request, HTTPException: _answered})
    return Guard(app, hosts, token, secure)


async def _answered(request: Request, error: Exception) -> Response:
    return await not_found(request, error)
