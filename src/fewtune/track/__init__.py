"""Trackers: other programs that also hear of a run. File name = tracker name; files that begin with `_` are shared by several."""
