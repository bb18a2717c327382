"""From flags and files to frozen settings, and to the rule set that decides by them.

A subject is a module with its options, its settings and its `read`: local, listen, daemon, log, replies, logins,
trusts, lists, dns, backup, lookups. options.py lists all options, model.py all settings, reader.py reads them (every
mistake at once, with its place), wiring.py turns them into a rule set. HACKING.rst walks through adding one.
"""
