"""The page that runs the model in the browser, without a server: `python -m demo page DIR`."""
