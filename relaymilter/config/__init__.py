"""From flags and files to a frozen model: options names them, reader reads them (every error at once, with its place),
model is what comes out, wiring turns it into a rule set."""
