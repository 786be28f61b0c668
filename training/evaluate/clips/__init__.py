"""Evaluation of classifiers of clips: Video@1 with its interval, confusion, per fold."""
