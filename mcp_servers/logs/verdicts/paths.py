"""The code path of a request as the log tells it: method and route, names that vary folded where many stand in one place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.traffic import request_of

_MANY = 10
_HOLE = "<*>"


def path_of(record: LogRecord) -> str:
    """Method and route, `GET /orders/<*>`; the route that the framework names comes first. Empty when the record tells none."""
    request = request_of(record)
    route = str(record.attributes.get("http.route") or "") or request.route
    return f"{request.method} {route}".strip() if route else ""


def folded(paths: Iterable[str]) -> dict[str, str]:
    """For each path the route it belongs to: where at least ten names stand in one place of otherwise equal paths, the place is a variable."""
    routes = {path: tuple(path.split("/")) for path in paths}
    for place in range(1, max((len(parts) for parts in routes.values()), default=0)):
        names: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
        for parts in routes.values():
            if place < len(parts):
                names[_without(parts, place)].add(parts[place])
        routes = {
            path: _without(parts, place) if place < len(parts) and len(names[_without(parts, place)]) >= _MANY else parts
            for path, parts in routes.items()
        }
    return {path: "/".join(parts) for path, parts in routes.items()}


def _without(parts: tuple[str, ...], place: int) -> tuple[str, ...]:
    return (*parts[:place], _HOLE, *parts[place + 1 :])
