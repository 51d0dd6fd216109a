"""Measuring the tutorial's discriminator and the detector."""
