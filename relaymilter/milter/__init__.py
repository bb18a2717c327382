"""The milter: a session's callbacks, written once, what it answers, and the runtime that drives them."""
