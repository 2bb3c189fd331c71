"""Measurements of the product, kept with it."""
