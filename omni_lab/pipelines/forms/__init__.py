"""What the built-in pipelines may be asked: one form for each, in a file of its name."""
