"""Own models, measured: latency of one face, threads, cold start, and facts of the machine."""
