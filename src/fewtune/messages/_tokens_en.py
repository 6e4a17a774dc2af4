"""Tokens: what becomes of a text in a tokenizer, and what a model can write."""

SENTENCES = {
    "target_positions": "{name} has positions for {most:,} tokens of what it writes, and task.max_target_length is {asked:,}; set task.max_target_length={most}",
    "plan_targets": "What is written has {median:,} tokens at the median, {p95:,} at the 95th percentile and {longest:,} at most, end tokens included.",
    "report_targets": "What is written has {median} tokens at the median, {p95} at the 95th percentile and {longest} at most, end tokens included.",
    "token_beyond": "{name}: its tokenizer gives the token '{token}' the number {id:,}, and the model knows only those below {known:,}; take the tokenizer "
    "that belongs to the model, or a model that was saved after the token was added",
    "special_in_text": "{rows:,} of {of_rows:,} rows hold {tokens} in their text, which this tokenizer reads as control tokens, not as letters; "
    "write them otherwise in the data unless that is meant",
    "special_in_reply": "{rows:,} of {of_rows:,} rows hold {tokens} in what the model is to write, which this tokenizer reads as control tokens; the model "
    "learns to write them, and with an end token to stop in the middle. Write them otherwise in the data",
    "end_is_padding": "'{token}' ends a text and fills up batches too; the end is learned all the same, since padding is told by its place",
    "end_untrained": "the model never learned '{token}', with which a text ends (its embedding is all zeros), and this method leaves embeddings as they are, so "
    "texts may not end; start from the version of the model that was tuned for chat, or choose another task.chat_template",
}
