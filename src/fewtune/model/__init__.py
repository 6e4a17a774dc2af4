"""Knows transformers, and nothing of methods."""
