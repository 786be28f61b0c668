"""What the benchmark is made of: one file per runtime, the measuring loop and the report."""
