"""Names looked up where they are kept: lists in files, the maps of an MTA, databases, directories.

A table is read whole at start and reload (Loaded), or asked by key (policy.ports.Table). registry.py knows the types, a
module each; guard.py makes what must be waited for safe to ask. Nothing here decides.
"""
