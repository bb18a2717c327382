"""The guard over logins: what is counted, what is new, and what that makes of a login. It can only close."""
