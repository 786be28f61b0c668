"""What the verb watch does with a stream: tells actions, names faces, writes the video."""
