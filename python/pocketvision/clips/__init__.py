"""Actions in videos: a window of frames, each encoded once, and its class."""
