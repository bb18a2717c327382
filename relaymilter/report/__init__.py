"""What the decision log says of a day: counted in one pass, shown in a terminal or on a page; and live, as it comes."""
