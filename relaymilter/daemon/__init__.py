"""Keeps it alive: the listening socket, a supervising parent, workers that each live with one policy, signals, privileges."""
