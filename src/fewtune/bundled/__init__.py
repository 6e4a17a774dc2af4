"""The small data sets of the project's own writing, in English and Vietnamese; see messages.md beside them."""
