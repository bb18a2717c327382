"""Three hosts with a Postfix and a relaymilter each, and a ledger with a replica and a sentinel, in networks apart."""
