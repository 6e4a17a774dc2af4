"""Writes the parts of the pages in `docs/` that come from the code, so that no page drifts from what it describes."""
