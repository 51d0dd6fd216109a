"""The views of the page, one module each; every one answers one question about the number."""
