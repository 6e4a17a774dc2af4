"""What was learned, on disk and back."""
