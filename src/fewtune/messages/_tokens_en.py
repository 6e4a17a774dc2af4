"""Tokens: what becomes of a text in a tokenizer, and what a model can write."""

SENTENCES = {
    "target_positions": "{name} has positions for {most:,} tokens of what it writes, and task.max_target_length is {asked:,}; set task.max_target_length={most}",
}
