"""Rows into Postgres: bulk loads of orders, merges of reference data, files of a shop's own."""
