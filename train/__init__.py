"""PyTorch training: data, networks, objectives, loops, snapshots. Every command writes a run's folder."""
