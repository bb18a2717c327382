"""The packages as their users have them: built, installed, upgraded and removed in a small Debian of each release.

`make-roots` makes the root file systems once; a `Machine` lays one of its own over such a root, in memory, so nothing
that a test does there stays. No systemd runs in it: a `Manager` does what the units say.
"""
