"""Logins in a ledger, laid open for their administrator, and released or suspended by him."""
