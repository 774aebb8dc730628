"""What the house tells people: alerts. What is worth telling is decided by whoever tells it."""
