"""From a file to rows: read, find the columns, split."""
