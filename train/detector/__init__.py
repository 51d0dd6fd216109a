"""The convolutional detector: network, learner, calibration, training stages."""
