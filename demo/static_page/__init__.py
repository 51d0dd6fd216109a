"""The same check in other apps: a page without a server, Node, and plain Python."""
