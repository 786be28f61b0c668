"""The search for faster tiles."""
