"""The analytics tables: what they are, and how they are brought up to date."""
