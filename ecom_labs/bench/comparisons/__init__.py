"""The comparisons, grouped by what they are about."""
