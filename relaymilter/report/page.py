"""The report as one page of HTML: no script, nothing from elsewhere; every text is escaped by Jinja.

What a browser may load is said by a Content-Security-Policy, too: nothing but the style that is in the page.
"""

import base64
import hashlib
from datetime import UTC, datetime

import jinja2

from relaymilter.report import charts
from relaymilter.report.findings import Report


def page(report: Report, now: datetime | None = None) -> str:
    """The whole page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("relaymilter.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"thousands": _thousands, "bars": charts.bars, "panels": charts.panels, "moment": _moment}
    style = environment.get_template("page.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template("page.html").render(report=report, digest=digest, made=made, panel=charts.panel)


def _thousands(cell: str | int) -> str:
    """`12,345`; a text as it is."""
    return f"{cell:,}" if isinstance(cell, int) else cell


def _moment(time: str) -> str:
    """To the second, with a blank: as a person reads it."""
    return time[:19].replace("T", " ")
