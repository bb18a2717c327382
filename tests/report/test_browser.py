"""The page in a real browser: no script and no request, whatever the log says, and it can be read anywhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from relaymilter.report.page import page
from tests.report import day, line, report_of

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PAYLOADS = (
    "<script>window.fired=1</script>",
    '"onload="window.fired=1" x="',
    "</title><script>window.fired=1</script>",
    "</style><svg onload=window.fired=1>",
    "javascript:window.fired=1",
    "<img src=http://192.0.2.1/x onerror=window.fired=1>",
    "{{ 7 * 7 }}{% for x in y %}",
    "\u202egnp.exe\u202c\u0007\u001b[31m\u009b",
    "w" * 400,
)
CONTRAST = """() => {
    const light = rgb => { const [r, g, b] = rgb.match(/[\\d.]+/g).map(Number).map(v => v / 255)
        .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b }
    const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor
        if (!c.startsWith('rgba(0, 0, 0, 0')) return c } return 'rgb(255, 255, 255)' }
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05) }
    const texts = [...document.body.querySelectorAll('*')].filter(e => [...e.childNodes].some(
        n => n.nodeType === 3 && n.data.trim())).map(e => ratio(getComputedStyle(e).color, ground(e)))
    const marks = [...document.querySelectorAll('.legend rect')].map(
        e => ratio(getComputedStyle(e).fill, ground(e.closest('section'))))
    return [Math.min(...texts), Math.min(...marks), texts.length, marks.length] }"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=FLAGS.split())
        yield opened
        opened.close()


def opened(browser: Browser, text: str, folder: Path, **context: Any) -> tuple[Page, list[str]]:
    """The page, as from a file, and all that it asked for."""
    (folder / "report.html").write_text(text)
    asked: list[str] = []
    tab = browser.new_context(**context).new_page()
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"file://{folder}/report.html")
    return tab, asked


@pytest.fixture(scope="module")
def usual() -> str:
    return page(report_of(day().day(2000)))


@pytest.fixture(scope="module")
def hostile() -> str:
    """Every field that is shown has each payload in it, also of logins that look stolen; some as no log writes them."""
    lines = []
    for payload in PAYLOADS:
        fields = dict.fromkeys(("client", "helo", "login", "sender", "reason", "rule"), payload)
        lines.append(line(**fields, recipient=f"<a@{payload}>"))
        lines.append(line(**fields | {"rule": "ledger"}, verdict="defer"))
        lines.append(line(**fields | {"rule": "ledger"}, time=f"2026-11-23T10:00:0{payload}"))
        lines.append(f'WARNING: login "{payload}" is throttled: {payload}; new recipients {payload}')
        lines.append(f"WARNING: shared address: {payload.replace(' ', '')} is in a local network looks: {payload}; x")
    return page(report_of(lines))


def test_hostile_text_stays_text(browser: Browser, hostile: str, tmp_path: Path) -> None:
    """No script, no handler, no address, no element that the template has not, no request, no control character."""
    tab, asked = opened(browser, hostile, tmp_path)
    assert tab.evaluate("window.fired") is None
    assert [f"file://{tmp_path}/report.html"] == asked
    elements = tab.evaluate("[...new Set([...document.querySelectorAll('*')].map(e => e.localName))].sort().join(' ')")
    assert not {"script", "img", "a", "iframe", "link", "form", "object"} & {*elements.split()}
    names = tab.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert not [name for name in names if name.startswith("on") or name in ("href", "src", "style", "xlink:href")]
    shown = tab.evaluate("document.documentElement.textContent")
    assert "<script>window.fired=1</script>" in shown
    assert "{{ 7 * 7 }}" in shown
    assert r"\xe2\x80\xaegnp.exe" in shown
    assert [] == [letter for letter in shown if not (letter.isprintable() or letter == "\n")]
    assert shown.isascii()


def test_policy_stops_what_gets_in(browser: Browser, usual: str, tmp_path: Path) -> None:
    """Were there markup all the same, the browser would neither run it nor load anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        image = f"<img src='http://127.0.0.1:{server.getsockname()[1]}/x' onerror='window.fired=1'>"
        inner = f"<script>window.fired=1</script>{image}<p style='color:red'>"
        tab, _ = opened(browser, usual.replace("<main>", f"<main>{inner}"), tmp_path)
        assert tab.evaluate("document.images.length") == 1
        with pytest.raises(BlockingIOError):
            server.accept()
    assert tab.evaluate("window.fired === 1 || [...document.images].some(e => e.naturalWidth)") is False
    assert tab.evaluate("getComputedStyle(document.querySelector('main > p')).color") != "rgb(255, 0, 0)"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("which", ["usual", "hostile"])
def test_fits_the_width(
    browser: Browser, which: str, width: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """No part of it is wider than the window, with every table open."""
    size = {"width": width, "height": 800}
    tab, _ = opened(browser, request.getfixturevalue(which), tmp_path, viewport=size)
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert width >= tab.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_has_contrast(browser: Browser, usual: str, scheme: str, tmp_path: Path) -> None:
    """WCAG 2.1: 4.5 for text (1.4.3), 3 for what charts are drawn with (1.4.11); and dark is dark."""
    tab, _ = opened(browser, usual, tmp_path, color_scheme=scheme)
    text, marks, texts, drawn = tab.evaluate(CONTRAST)
    assert texts > 50
    assert drawn == 6
    assert text >= 4.5
    assert marks >= 3
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ("rgb(1" in ground) == (scheme == "dark")


def test_every_chart_has_its_table(browser: Browser, usual: str, tmp_path: Path) -> None:
    """Whatever has a drawing has, in the same section, a table behind it; and each drawing has a name."""
    tab, _ = opened(browser, usual, tmp_path)
    sections = tab.evaluate(
        "[...document.querySelectorAll('section')].filter(e => e.querySelector('.plot'))"
        ".map(e => e.querySelectorAll('details table tbody tr').length)"
    )
    assert len(sections) >= 7
    assert all(sections)
    assert [] == tab.evaluate("[...document.querySelectorAll('.plot')].filter(e => !e.getAttribute('aria-label'))")


def test_can_be_printed(browser: Browser, usual: str, tmp_path: Path) -> None:
    """On paper it is black on white, also of somebody who reads it in the dark, and it becomes a PDF."""
    tab, _ = opened(browser, usual, tmp_path, color_scheme="dark")
    tab.emulate_media(media="print")
    assert "rgb(0, 0, 0)" == tab.evaluate("getComputedStyle(document.body).color")
    assert tab.pdf().startswith(b"%PDF")
