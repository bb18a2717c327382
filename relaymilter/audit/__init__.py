"""Questions to the policy, outside the daemon: by the same code, on the same settings."""
