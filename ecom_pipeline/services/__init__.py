"""The business rules: carts, checkouts with their effects, products and what is in stock."""
