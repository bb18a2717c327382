"""Every option there is, once: the flags of `run` and `explain`, the keys of the configuration file, and their help.

The sum of the subjects, each a module here, in the order of --help and of the sample configuration
(contrib/relaymilter.toml), which has the same headings: what everybody needs comes first. A key of the TOML file is the
long flag without its dashes. Man pages and sample are tested against this list.
"""

from itertools import chain
from typing import NamedTuple

from relaymilter.config import (
    backup,
    daemon,
    dns,
    guard,
    listen,
    lists,
    local,
    log,
    logins,
    lookups,
    notices,
    replies,
    shared_address,
    trusts,
)
from relaymilter.config.option import AnyOption


class Group(NamedTuple):
    """The options of a subject, under its heading."""

    heading: str
    options: tuple[AnyOption, ...]
    decides: bool = True
    """They are part of the policy, so that `explain` has them, too; the others are the daemon's."""


GROUPS = (
    Group("Who may relay, and to whom", local.OPTIONS),
    Group("Who hides behind one address", shared_address.OPTIONS),
    Group("Where it listens", listen.OPTIONS, decides=False),
    Group("How it runs", daemon.OPTIONS, decides=False),
    Group("What is logged", log.OPTIONS, decides=False),
    Group("What a client is told", replies.OPTIONS),
    Group("What logins and local clients are bound to", logins.OPTIONS),
    Group("What logins may send", guard.OPTIONS),
    Group("Who is given notice", notices.OPTIONS, decides=False),
    Group("Who is trusted a little", trusts.OPTIONS),
    Group("What is refused all the same", lists.OPTIONS),
    Group("What the DNS must say", dns.OPTIONS),
    Group("Whose mail is backed up", backup.OPTIONS),
    Group("How tables are asked", lookups.OPTIONS),
)

OPTIONS: dict[str, AnyOption] = {
    option.key: option for option in chain.from_iterable(group.options for group in GROUPS)
}
"""All, by key."""

POLICY = tuple(option for group in GROUPS if group.decides for option in group.options)
"""Those that decide."""

RESTRICTIONS = tuple(option.key for option in OPTIONS.values() if option.restricts)
"""The name of every restriction, which is that of the option that makes it."""
