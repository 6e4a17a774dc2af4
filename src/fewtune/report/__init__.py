"""A run folder as one HTML file: no engine, no network."""
