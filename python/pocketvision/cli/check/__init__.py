"""The verbs that look at what is installed: what there is, how fast it is, whether it works."""
