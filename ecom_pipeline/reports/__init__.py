"""The page of charts, and what it shows."""
