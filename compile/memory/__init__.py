"""The arena: lifetimes, offsets, RAM banks, and strips of rows where RAM is short."""
