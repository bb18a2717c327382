"""Hours in minutes: mixed and hostile traffic through both MTAs, with every table and a ledger; nothing may pile up."""
