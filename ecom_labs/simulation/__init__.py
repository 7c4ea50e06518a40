"""Shoppers who use the services as an application would, all at once."""
