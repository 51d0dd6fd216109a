"""Training in PyTorch: data, networks, objectives, loops, checkpoints. What leaves is a run's folder."""
