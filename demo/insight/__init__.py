"""What stands behind a number: explanations, searches, the game, the recorded training."""
