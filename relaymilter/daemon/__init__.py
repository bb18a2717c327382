"""Keeps it alive: the listening socket, a supervising parent, workers with one policy each, signals, privileges."""
