"""The files that decide whose mail is relayed: whether they are safe, which were read, whether one is there.

way walks to a file as Linux does; safety refuses what everyone may write or replace; reading notes what was read, so
that it can be watched; presence is a switch that touch(1) turns.
"""
