"""Collections of any size: their answers as tables, part by part, on one machine or many."""
