"""The kinds of problem. File name = task name; files that begin with `_` are shared by several."""
