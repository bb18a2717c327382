"""The active test of an SMTP server of one's own, from outside."""
