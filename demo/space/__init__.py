"""A Hugging Face Space of the app: `python -m demo space DIR`."""
