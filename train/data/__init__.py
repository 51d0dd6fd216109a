"""Training and test pictures."""
