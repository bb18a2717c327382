"""Fuzzing of what takes the client's and the MTA's bytes: the path parser and the milter dialogue.

`python -m tests.fuzz.run path --seconds 600` fuzzes by hand; contrib/test runs each target for a few seconds.
"""
