"""The decision: may this client send through this server to that mailbox?

Pure: the standard library alone, and of it nothing that touches a socket, a file, a clock, a thread or a log. The
package is given everything it asks (ports.py), so the same decision serves the daemon, explain and the tests.

Rules open, restrictions close: relay.py is the only module that makes a Permit.
"""
