"""English sentences about language models: plain text, instructions, chat."""

SENTENCES: dict[str, str] = {
    "scored_tokens": "perplexity is per token of the model's tokenizer, over every token of each text and its end token",
    "scored_hidden": "perplexity is per hidden token (pseudo-perplexity), {share} of each text, the same for every model with this tokenizer",
    "scored_replies": "perplexity is per token of the replies as the model's tokenizer cuts them, end tokens included; template {template}",
    "scored_written": "perplexity is per token of the replies, end tokens included (template {template}); written replies are scored by sacrebleu "
    "(BLEU {bleu}; chrF {chrf}) and rouge-score",
    "fits_plain": "the column '{column}' holds texts, and there is nothing else to learn from",
    "plain_only_text": "{path}: language modelling reads one column of texts; {option} '{column}' has no place in it. Leave it out, or choose another --task",
    "data_cut_line": "{path}: plain text without blank lines, so every line is one text; data.cut says otherwise",
    "data_cut_paragraph": "{path}: plain text, in which blank lines part the texts; data.cut says otherwise",
    "data_cut_file": "{path} and the others in its folder are plain text, and each is one text; data.cut says otherwise",
    "lm_encoder_decoder": "{name}: '{kind}' has an encoder and a decoder; those learn from plain text by filling in spans, which this version does not do. "
    "Choose a causal model (GPT-2, Llama, Qwen) or a masked one (BERT, RoBERTa, ModernBERT)",
    "lm_no_output_layer": "{name}: was saved as {architecture}, without the layer that foresees words, which would start as random numbers; "
    "choose a checkpoint that has it (…ForMaskedLM, …ForCausalLM)",
    "lm_other_kind": "{name}: task.objective_kind={asked}, but this model was made to be {found}; leave task.objective_kind out, or choose another model",
    "lm_no_mask": "{name}: its tokenizer has no mask token, so nothing can be hidden; download the model again with its tokenizer files",
    "packing_unproven": "{name}: task.packing=true is not proven to keep texts apart in '{kind}' models, only in {proven}; leave it out, texts of similar length "
    "share a batch anyway",
    "nothing_to_learn": "{split}: in none of {rows:,} rows is a token left to learn from; raise task.max_length, or look at the data",
    "lm_blocks_causal": "{split}: {tokens:,} tokens to be foreseen, in {rows:,} texts, cut into {pieces:,} blocks of at most {max_length} tokens",
    "lm_blocks_masked": "{split}: {tokens:,} hidden tokens to be foreseen, in {rows:,} texts, cut into {pieces:,} blocks of at most {max_length} tokens",
    "metric_perplexity": "perplexity",
    "metric_log_likelihood": "log-likelihood per token",
    "metric_foreseen_accuracy": "token accuracy",
    "metric_bits_per_byte": "bits per byte",
    "report_metric_perplexity": "perplexity",
    "report_metric_log_likelihood": "log-likelihood per token",
    "report_metric_foreseen_accuracy": "token accuracy",
    "report_metric_bits_per_byte": "bits per byte",
    "baseline_unigram": "how often each token occurs",
    "baseline_untuned": "the model before tuning",
    "short_unigram": "unigram",
    "short_untuned": "untuned",
    "report_phase_untuned": "asking the model before tuning",
    # conversations
    "fits_replies": "requests in '{request}' and replies in '{reply}', by their names",
    "fits_conversations": "conversations in '{column}', by its name and what it holds",
    "sft_pair": "{path}: a conversation has no second text; data.pair_column '{column}' has no place in it. A column named `input` is put below the request",
    "sft_unclear": "{path}: which of the columns {columns} holds the requests, and which the replies? Choose them with data.text_column (requests, or "
    "whole conversations) and data.label_column (replies)",
    "sft_unusable": "{path}: in {count} of {total} rows the conversation cannot be used, column '{column}' ({lines}). The first: {reason}. Correct these rows, or remove them.",
    "sft_no_turn": "turn {turn} is none; a turn is {{role, content}} or {{from, value}} with texts",
    "sft_role": "turn {turn} is of '{role}', which is unknown; known are {roles}",
    "sft_empty": "turn {turn} is empty",
    "sft_empty_reply": "turn {turn}, a reply, is empty",
    "sft_system": "turn {turn} is of the system, which may only speak first",
    "sft_begins": "nothing is asked before the first reply",
    "sft_twice": "turn {turn} is of the {role}, as is the one before; put both into one, or remove one",
    "sft_ends": "the conversation ends with what the user says, so there is no reply to learn or to compare with",
    "sft_encoder_decoder": "{name}: '{kind}' has an encoder and a decoder, and chat is written on by a decoder alone; run with --task seq2seq, which learns to write "
    "a text from a text",
    "sft_no_decoder": "{name}: was saved as {architecture}, which does not write texts; choose a causal model (GPT-2, Llama, Qwen …ForCausalLM)",
    "sft_slow_tokenizer": "{name}: its tokenizer does not say where its tokens stand in the text, so replies cannot be told from requests; "
    "choose a model with a fast tokenizer (tokenizer.json)",
    "template_none": "{name}: its tokenizer has no chat template of its own; choose task.chat_template from {names}, or give the path of one",
    "template_tokens": "{name}: its tokenizer has no token {tokens}, which task.chat_template=chatml is made of; choose plain or alpaca",
    "template_unknown": "task.chat_template: '{given}' is neither one of {names} nor a file that can be read ({reason})",
    "template_changes": "task.chat_template: does not write the reply '{reply}' as it stands, so what is to be learned cannot be told; it ends in '{written}'. "
    "Choose another template: plain, alpaca or the path of one",
    "sft_learned": "{split}: {learned:,} of {tokens:,} tokens carry loss ({share:.0%}), in {of_rows:,} rows; see them with: fewtune plan DATA --preview",
    "sft_cut": "{split}: {rows:,} of {of_rows:,} conversations are longer than {max_length} tokens and are cut; {tokens_lost:,} tokens are lost, {unlearned:,} of which "
    "would have carried loss. Raise task.max_length if the model can take more",
    "sft_endless": "{split}: in {rows:,} of {of_rows:,} rows the end of the last reply is cut off, so the model does not learn to stop there; raise task.max_length if the model can "
    "take more, or leave such rows out",
    "sft_nothing": "{split}: in {rows:,} of {of_rows:,} rows no token of a reply is left within {max_length} tokens, so nothing is learned from them; raise "
    "task.max_length if the model can take more, or set task.cut_from=left",
    "sft_boundary": "{split}: in {rows:,} of {of_rows:,} rows the tokens before a reply are not those of the request alone; the reply is taken to begin "
    "with the first token that holds a letter of it",
    # preview, samples, chat
    "preview_none": "this task learns the label of a row, not tokens, so there is nothing to colour",
    "preview_key": "What carries loss is on green, without colours in ⟦brackets⟧; all else is only read.",
    "preview_row": "row {number}: {learned:,} of {count:,} pieces carry loss",
    "progress_sample": "{text} → {written}",
    "report_samples": "What the model wrote at each evaluation",
    "report_sample_text": "asked",
    "report_sample_written": "written",
    "chat_task": "this model was tuned for '{task}', which writes no replies; run: fewtune predict RUN TEXT",
    "chat_empty": "the input is empty; write a message",
    "chat_begin": "Write a message. An empty line begins a new conversation, Ctrl-D (on Windows Ctrl-Z) ends.",
    "chat_anew": "A new conversation.",
    "chat_tuned": "tuned:",
    "chat_base": "before tuning:",
}
