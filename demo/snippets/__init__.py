"""Programs for use elsewhere, shown on the page and run by the tests."""
