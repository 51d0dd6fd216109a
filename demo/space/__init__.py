"""The app as a Hugging Face Space: `python -m demo space DIR`."""
