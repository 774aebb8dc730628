"""What the pipelines' notebooks compute and conclude beyond their rooms: one module for each notebook."""
