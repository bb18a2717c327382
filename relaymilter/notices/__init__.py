"""Notices: whoever runs the server learns when a login is throttled or suspended, by a command or by mail.

Nothing here decides, and no decision waits for it: the worker that made the step hands it to a process of its own
(courier.py), and goes on.
"""
