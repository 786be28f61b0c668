"""Tables of the 256 results of a function of one stored value."""
