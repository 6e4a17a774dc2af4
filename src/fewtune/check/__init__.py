"""One file per question asked of the data before training. A check returns findings; only cli and report put them into words."""
