"""What a run writes down. Nothing here loads torch, so that report and listings are instant."""
