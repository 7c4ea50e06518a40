"""Rows into the stores: bulk loads, merges of reference data, carts, a shop's own files."""
