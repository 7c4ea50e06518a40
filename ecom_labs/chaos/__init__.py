"""Crashes on purpose: at every named point, of the process and of each store's server."""
