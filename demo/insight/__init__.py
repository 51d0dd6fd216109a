"""Explanations of a score, the latent search, the game, and the recorded training."""
