"""Are the tests able to fail? Bugs are put into a copy of the repository, and the tests must notice.

`python -m tools.mutate planted`: mistakes that somebody could make, each caught by the tests named beside it.
`python -m tools.mutate random`: small changes drawn at random over the methods, the kernels and the loop. What no test notices is
listed; a person judges it in docs/decisions/mutation.md.
"""
