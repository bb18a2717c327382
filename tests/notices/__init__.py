"""Notices of logins that were throttled or suspended."""
