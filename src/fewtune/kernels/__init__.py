"""Plain functions on tensors, and their fast twins; no knowledge of configs or models."""
