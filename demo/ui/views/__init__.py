"""The page's views, one module each; each answers one question about the score."""
