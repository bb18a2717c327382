"""Tables: names looked up where the administrator keeps them."""
