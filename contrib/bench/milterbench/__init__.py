# SPDX-License-Identifier: GPL-2.0-or-later
"""milterbench: what relaymilter costs on the milter wire, against a minimal C milter in the same run.

needs finds or builds the programs; rows says which milters there are and how each is started; site is the
policy they serve; milters starts and stops them; load plays the MTA; process reads what they use, machine
what the host does meanwhile; rounds measures them one after the other; memory holds idle connections; starting
measures starts and reloads; report makes the tables; cli joins them. The standard library alone: a milter is
a command. Only decision, which stands by itself, imports relaymilter.
"""
