"""How far a detector's number can be trusted: what it is asked, by which detectors, and the report."""
