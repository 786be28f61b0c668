"""How operators become kernel calls, one operator family a file."""
