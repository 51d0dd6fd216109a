"""The tutorial's GAN: two perceptrons."""
