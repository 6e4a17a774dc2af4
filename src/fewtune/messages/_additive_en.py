"""English sentences about methods that add to what flows through a model."""

SENTENCES: dict[str, str] = {
    "bottleneck_no_layers": "method 'bottleneck' stands behind the last layer of attention and feed-forward, and {missing} is not known in {model}; "
    "of its layers only these are: {roles}; choose --method lora",
}
