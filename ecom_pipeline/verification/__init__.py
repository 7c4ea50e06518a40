"""What must hold of the shop and its tables, and whether it does."""
