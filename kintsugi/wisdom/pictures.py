"""Pictures for pages: a line over time and a road of events, as SVG that holds no script, and bars of text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mcp_servers.kit.inert import plain

_BARS = "▁▂▃▄▅▆▇█"
_STYLE = (
    "<style>text{font:12px sans-serif;fill:#444}.l{fill:none;stroke:#b8860b;stroke-width:2}.d{fill:#b8860b}.a{stroke:#999}"
    "@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>"
)


def bars(shares: Sequence[float]) -> str:
    """One character for each share, from the least to the greatest of them."""
    least, most = min(shares, default=0.0), max(shares, default=0.0)
    if most <= least:
        return _BARS[-1] * len(shares)
    return "".join(_BARS[round((share - least) / (most - least) * (len(_BARS) - 1))] for share in shares)


def trend(title: str, points: Sequence[tuple[str, float]]) -> str:
    """A line through shares of 0 to 1, each with its label; the scale goes from the least to the greatest, and says so."""
    width, height, left, top = 640, 200, 60, 40
    shares = [share for _, share in points]
    least, most = min(shares), max(shares)
    room = (most - least) or 1.0
    step = (width - left - 20) / max(len(points) - 1, 1)
    places = [(left + number * step, top + 110 * (1 - (share - least) / room)) for number, share in enumerate(shares)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(
        f'<circle class="d" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{_text(label)}: {share:.1%}</title></circle>'
        for (x, y), (label, share) in zip(places, points, strict=True)
    )
    scale = f'<text x="4" y="{top + 4}">{most:.1%}</text>' + (f'<text x="4" y="{top + 114}">{least:.1%}</text>' if most > least else "")
    ends = f'<text x="{left}" y="{height - 10}">{_text(points[0][0])}</text><text x="{width - 20}" y="{height - 10}" text-anchor="end">{_text(points[-1][0])}</text>'
    return _svg(width, height, title, f'<polyline class="l" points="{line}"/>{dots}{scale}{ends if len(points) > 1 else ""}')


def road(title: str, events: Sequence[tuple[str, str, str]]) -> str:
    """Events from above to below: when, of which sort, what."""
    row = 26
    height = 60 + row * len(events)
    axis = f'<line class="a" x1="170" y1="44" x2="170" y2="{height - 20}"/>'
    marks = "".join(
        f'<circle class="d" cx="170" cy="{56 + row * number}" r="4"/>'
        f'<text x="8" y="{60 + row * number}">{_text(at)}</text><text x="184" y="{60 + row * number}">{_text(sort)}: {_text(what)}</text>'
        for number, (at, sort, what) in enumerate(events)
    )
    return _svg(860, height, title, axis + marks)


def _svg(width: int, height: int, title: str, body: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{_text(title)}">'
    return f'{head}{_STYLE}<text x="8" y="20" font-weight="bold">{_text(title)}</text>{body}</svg>\n'


def _text(text: str) -> str:
    return escape(plain(text, 90))
