"""What `relaymilter doctor` looks for, by subject. A check is a function of what was inspected that yields findings."""
