"""Builds the hand and draws the pictures of the docs; not installed."""
