"""How well faces of few pixels are verified: LFW at fixed sizes, and pairs of unlike quality."""
