"""The parts of a report, one file each: `section(run, words)` gives what its template shows, or None where there is nothing.

File name = id of the section = name of its template.
"""
