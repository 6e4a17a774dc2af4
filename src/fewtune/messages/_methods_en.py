"""English sentences about methods that do not fit a model."""

SENTENCES: dict[str, str] = {
    "last_layers_too_many": "method.layers={asked}, but {model} has {found} block(s) in '{stack}'; choose a smaller number, or --method full",
    "bitfit_no_bias": "method 'bitfit' trains bias terms, and the pre-trained body of {model} has none; choose --method lora, or --method head",
    "bitfit_no_such_bias": "method.biases=query_mlp: no '{role}' layer of {model} has a bias of its own; choose method.biases=all",
    "ia3_no_layers": "method 'ia3' rescales keys, values and the feed-forward, but of the layers of {model} only these are known: {roles}; "
    "choose --method lora",
}
