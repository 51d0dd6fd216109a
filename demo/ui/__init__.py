"""The web page: views, widgets, texts and styles."""
