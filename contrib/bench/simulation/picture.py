"""The picture: recipients that got out against false alarms, as SVG."""

from __future__ import annotations

import math
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 840, 440, 96, 60, 50, 140
X_RANGE, Y_RANGE = (0.05, 10_000.0), (5.0, 20_000.0)
_COLOURS = {"relaymilter": "#b3261e"}


def picture(found: dict[str, Any]) -> str:
    """A point for the median, and a line up to the worst theft from a foreign network, for each judge."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16">'
        "What gets out of a stolen login, and who is held up for nothing</text>",
        *_axes(),
        *_target(),
    ]
    for name, of_judge in found.items():
        if of_judge["from foreign networks"] is not None:
            parts += _point(name, of_judge["alarms"]["throttled"], of_judge["from foreign networks"])
    return "\n".join([*parts, "</svg>", ""])


def _x(value: float) -> float:
    return LEFT + _along(value, X_RANGE) * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return HEIGHT - BOTTOM - _along(value, Y_RANGE) * (HEIGHT - BOTTOM - TOP)


def _along(value: float, ends: tuple[float, float]) -> float:
    low, high = (math.log10(end) for end in ends)
    return (math.log10(min(max(value, ends[0]), ends[1])) - low) / (high - low)


def _axes() -> list[str]:
    parts = []
    for value in (0.1, 1, 10, 100, 1000):
        parts.append(_line(_x(value), _y(Y_RANGE[0]), _x(value), _y(Y_RANGE[1]), "#ddd"))
        parts.append(f'<text x="{_x(value):.0f}" y="{HEIGHT - 40}" text-anchor="middle">{value:,g}</text>')
    for value in (10, 100, 1000, 10_000):
        parts.append(_line(_x(X_RANGE[0]), _y(value), _x(X_RANGE[1]), _y(value), "#ddd"))
        parts.append(f'<text x="{LEFT - 8}" y="{_y(value) + 4:.0f}" text-anchor="end">{value:,}</text>')
    middle = (HEIGHT - BOTTOM + TOP) / 2
    return [
        *parts,
        f'<text x="{(WIDTH - RIGHT + LEFT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">'
        "false alarms: honest logins held up, per 1,000 login-months</text>",
        f'<text transform="translate(22 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        "recipients that got out (dot: median; line: worst)</text>",
    ]


def _target() -> list[str]:
    """At most 20 in the median, and one alarm. Names stand right of the dots: the margin there is for the longest."""
    x, y = _x(X_RANGE[0]), _y(20)
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_x(1) - x:.1f}" height="{_y(Y_RANGE[0]) - y:.1f}" fill="#e3f1e3"/>',
        f'<text x="{x + 6:.0f}" y="{_y(Y_RANGE[0]) - 8:.0f}" fill="#3a6b3a">the aim</text>',
    ]


def _point(name: str, alarms: float, foreign: dict[str, Any]) -> list[str]:
    colour = _COLOURS.get(name, "#33536b")
    x, y, worst = _x(alarms), _y(foreign["median"]), _y(foreign["worst"])
    return [
        _line(x, y, x, worst, colour),
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>',
        f'<text x="{x + 9:.0f}" y="{y + 4:.0f}" fill="{colour}">{name}</text>',
    ]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
