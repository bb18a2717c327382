"""What an MTA's own configuration says of what is local: read with its own tools, and turned into our settings.

Used by `--mta` and by `relaymilter import`. A module an MTA, each with `read(directory)`.
"""
