"""The detector: network, learner, calibration, training."""
