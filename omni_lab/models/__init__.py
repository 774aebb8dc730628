"""Models: arrays in, arrays or fitted objects out. No file is read here and no bar is known."""
