"""Past mail, decided on again: what a policy would have done, before it does."""
