"""Hostile envelopes, by family, and what became of each that was tried."""
