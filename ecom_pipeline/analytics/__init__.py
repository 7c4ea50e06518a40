"""The analytics tables: what they are, and the reports that read them."""
