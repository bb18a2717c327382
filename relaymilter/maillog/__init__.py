"""What mail logs tell: each envelope that an MTA was offered, put together from the lines of its processes.

Nothing here decides, and nothing guesses: what a log does not say is counted as a gap. It imports policy and files.
"""
