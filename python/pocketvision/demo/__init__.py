"""A demonstration on real faces: ``python -m pocketvision.demo --out DIR``."""
