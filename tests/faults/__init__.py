"""What breaks in years of service, one test each, through a real Postfix that is under load meanwhile.

Whatever fails: nothing foreign is permitted to a stranger, nothing of ours is refused for good, and service returns by
itself. `docs/faults.rst` has the table of what clients saw; a run prints it anew at its end.
"""
