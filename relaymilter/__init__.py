"""relaymilter: the milter that closes mail relays.

policy decides; tables inform it; config builds it; milter speaks for it; daemon keeps it alive; observe
reports it; audit questions it. Imports run one way, and tests/test_architecture.py walks them.
"""

__version__ = "0.1.0"
