"""What tries the product out: its speed (bench), crashes (chaos), shoppers under load (simulation).

Installed by the extra `labs`; run by `ecom bench`, `ecom chaos` and `ecom simulate`.
"""
