"""Plain functions that make, load and transform the shop's data."""
