"""English sentences about methods that do not fit a model."""

SENTENCES: dict[str, str] = {
    "last_layers_too_many": "method.layers={asked}, but {model} has {found} block(s) in '{stack}'; choose a smaller number, or --method full",
}
