"""What the pinned Dagster lacks or does wrong, and what is done about it here.

Each module says what of which Dagster it works around. `test_workarounds.py` shows each lack on
that Dagster itself: once one of its tests fails, what it is about can go.
"""
