"""How sure are we: intervals, paired tests, and what costs nothing to compare with."""
