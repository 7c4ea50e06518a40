"""Connections to the stores, migrations, and the embedded servers."""
