"""The ways to fine-tune. File name = method name; files that begin with `_` are shared by several."""
