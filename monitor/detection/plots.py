"""Plots: small drawings in SVG, for a page that loads nothing from anywhere.

Room `detection`, pure. Axes from 0 to 1, lines, points and bars are all that a report needs; that is less than a plotting
library weighs. Every text is escaped. Imports nothing of this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

SIDE, MARGIN = 260, 44
INK, FAINT, FILL = "#22313a", "#c3ccd1", "#2f7f8f"
COLOURS = ("#2f7f8f", "#b5651d", "#6a4c93", "#3a7d44")

Points = Sequence[Sequence[float]]


def draw_curves(
    title: str, across: str, up: str, curves: Sequence[tuple[str, Points]], *, diagonal: bool
) -> str:
    """Lines in the unit square, each with its name. diagonal: draw what says nothing, or what is right."""
    parts = [_frame(title, across, up)]
    if diagonal:
        parts.append(_line([(0, 0), (1, 1)], FAINT, dashed=True))
    for number, (name, points) in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_line([(point[0], point[1]) for point in points], colour))
        parts.append(_text(MARGIN + 6, 34 + 13 * number, name, colour))
    return _svg(SIDE + MARGIN + 12, SIDE + 2 * MARGIN, parts)


def draw_points(title: str, across: str, up: str, points: Sequence[tuple[float, float, int]]) -> str:
    """Points in the unit square with the diagonal, each as large as the number it stands for."""
    parts = [_frame(title, across, up), _line([(0, 0), (1, 1)], FAINT, dashed=True)]
    most = max((count for *_, count in points), default=1)
    for x, y, count in points:
        radius = 3 + 7 * (count / most) ** 0.5
        parts.append(
            f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="{radius:.1f}" fill="{FILL}" fill-opacity="0.7">'
            f"<title>{count} cells</title></circle>"
        )
    return _svg(SIDE + MARGIN + 12, SIDE + 2 * MARGIN, parts)


def draw_bars(
    title: str, bars: Sequence[tuple[str, float, float | None, float | None, bool]], width: int = 560
) -> str:
    """Horizontal bars from 0 to 1: name, value, ends of its interval if it has one, and whether few cells are behind."""
    left, height = 220, 22
    scale = width - left - 60
    parts = [_text(8, 18, title, INK, bold=True)]
    for number, (name, value, low, high, small) in enumerate(bars):
        top = 30 + number * height
        parts.append(_text(8, top + 12, f"{name}{' *' if small else ''}", INK))
        parts.append(
            f'<rect x="{left}" y="{top}" width="{scale * value:.1f}" height="{height - 8}" '
            f'fill="{FAINT if small else FILL}"/>'
        )
        if low is not None and high is not None:
            middle = top + (height - 8) / 2
            parts.append(
                f'<line x1="{left + scale * low:.1f}" x2="{left + scale * high:.1f}" y1="{middle}" y2="{middle}" '
                f'stroke="{INK}" stroke-width="2"/>'
            )
        parts.append(_text(left + scale + 8, top + 12, f"{value:.2f}", INK))
    return _svg(width, 40 + len(bars) * height, parts)


def draw_squares(title: str, squares: Sequence[tuple[int, int, float | None, str]]) -> str:
    """Squares of one degree by south and west end, darker for a greater value; hollow where the value is None."""
    if not squares:
        return ""
    south, west = min(s for s, *_ in squares), min(w for _, w, *_ in squares)
    north, east = max(s for s, *_ in squares) + 1, max(w for _, w, *_ in squares) + 1
    unit = max(4.0, min(16.0, 560 / max(east - west, north - south)))
    parts = [_text(8, 18, title, INK, bold=True)]
    for own_south, own_west, value, told in squares:
        x, y = 40 + (own_west - west) * unit, 30 + (north - own_south - 1) * unit
        look = f'fill="none" stroke="{FAINT}"'
        if value is not None:
            look = f'fill="#b5651d" fill-opacity="{0.1 + 0.9 * value:.2f}" stroke="{FAINT}"'
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{unit:.1f}" height="{unit:.1f}" {look}>'
            f"<title>{escape(told)}</title></rect>"
        )
    height = 30 + (north - south) * unit
    parts.append(_text(40, height + 16, f"{_degrees(west, 'E', 'W')} to {_degrees(east, 'E', 'W')}", INK))
    parts.append(_text(220, height + 16, f"{_degrees(south, 'N', 'S')} to {_degrees(north, 'N', 'S')}", INK))
    return _svg(int(60 + max(400, (east - west) * unit)), int(height + 26), parts)


def _degrees(value: int, positive: str, negative: str) -> str:
    return f"{abs(value)} {positive if value >= 0 else negative}"


def _frame(title: str, across: str, up: str) -> str:
    marks = []
    for tenth in range(0, 11, 2):
        share = tenth / 10
        marks.append(_text(_x(share) - 8, MARGIN + SIDE + 16, f"{share:.1f}", INK))
        marks.append(_text(MARGIN - 26, _y(share) + 4, f"{share:.1f}", INK))
    return (
        f'<rect x="{MARGIN}" y="{MARGIN - 20}" width="{SIDE}" height="{SIDE + 20}" fill="none" stroke="{FAINT}"/>'
        + "".join(marks)
        + _text(MARGIN, 16, title, INK, bold=True)
        + _text(MARGIN + SIDE / 3, MARGIN + SIDE + 34, across, INK)
        + f'<text x="12" y="{MARGIN + SIDE / 2}" transform="rotate(-90 12 {MARGIN + SIDE / 2})" fill="{INK}">'
        + f"{escape(up)}</text>"
    )


def _x(share: float) -> float:
    return MARGIN + SIDE * share


def _y(share: float) -> float:
    return MARGIN + SIDE * (1 - share)


def _line(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    places = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>'


def _text(x: float, y: float, words: str, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}"{weight}>{escape(words)}</text>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">{"".join(parts)}</svg>'
    )
