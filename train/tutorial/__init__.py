"""The tutorial's pair: a perceptron discriminator and its generator."""
