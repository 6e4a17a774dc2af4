"""English sentences about methods that add to what flows through a model."""

SENTENCES: dict[str, str] = {
    "bottleneck_no_layers": "method 'bottleneck' stands behind the last layer of attention and feed-forward, and {missing} is not known in {model}; "
    "of its layers only these are: {roles}; choose --method lora",
    "prompt_no_reader": "method '{method}' stands before embedded tokens, and {model} has a part that takes none (it reads pictures or sounds); "
    "choose --method lora, or --method bottleneck",
    "prompt_too_long": "method.tokens={tokens}, but {model} has {positions} positions for prompt and text together; choose fewer tokens",
    "prompt_no_text": "method.start=text takes the tokens of method.words, and there are none in '{text}'; give a text, or choose method.start=vocabulary",
    "prompt_unread": "the text of method.start=text is not read yet; in Python: adapt(model, method.read(tokenizer))",
    "prompt_packed": "method '{method}' cannot stand before packed texts: only the first of them would see it; give task.packing=false",
    "prefix_no_attention": "method 'prefix_tuning' puts keys and values into attention as '{needed}' computes it, and that of {model} is computed by '{used}', "
    "which has no place for keys without a token; choose --method prompt_tuning, or --method lora",
    "prompt_mask": "a soft prompt needs attention_mask as (rows, tokens), or none, and this model was given another kind; generate without a static cache",
}
