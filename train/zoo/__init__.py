"""The zoo: generators of several kinds, all measured by the same judge."""
