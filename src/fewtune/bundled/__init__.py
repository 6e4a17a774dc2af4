"""The small data set of the project's own writing; see messages_en.md beside it."""
