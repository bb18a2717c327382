"""How Sphinx builds the manual: `sphinx-build -W docs build/manual`; it needs nothing but Sphinx and the package."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import relaymilter  # noqa: E402

project = "relaymilter"
author = "the relaymilter developers"
release = version = relaymilter.__version__
extensions = ["options_page"]
html_theme = "alabaster"
html_theme_options = {
    "description": "The milter that closes mail relays",
    "page_width": "62em",
    "sidebar_width": "14em",
}
html_show_sourcelink = False
html_copy_source = False
smartquotes = False
highlight_language = "none"
