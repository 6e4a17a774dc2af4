"""English sentences about texts written from texts."""

SENTENCES: dict[str, str] = {
    "fits_texts": "a source '{source}' and a target '{target}', by their names",
    "texts_pair": "{path}: text to text has one source; data.pair_column '{column}' has no place in it. Put both columns into task.template, for example "
    "task.template='{{source}} {{{column}}}'",
    "texts_unclear": "{path}: which of the columns {columns} is the source, and which the target? Say it with data.text_column (source) and "
    "data.label_column (target)",
    "data_target_kind": (
        "{path}: {count} of {total} rows hold {value} instead of a text to be written in column '{column}' ({lines}). "
        "Write a text, or a list of texts that are equally good, or remove these rows."
    ),
    "template_braces": "{option}: '{template}' cannot be read ({reason}). Write a place as {{source}} or {{column}}, and a brace itself twice",
    "template_column": "{path}: task.template names a column '{column}', which is not there; {hint}",
    "template_cells": "this model reads {names} beside the text (task.template); give the rows as a file with these columns: "
    "fewtune predict RUN --data FILE",
    "target_cut": "{split}: {rows:,} of {of_rows:,} targets are longer than {max_length} tokens (longest {longest:,}) and are cut, {tokens_lost:,} tokens "
    "are lost; the model learns to stop there. task.max_target_length takes more",
    "target_lost": "{split}: {rows:,} of {of_rows:,} targets cannot be written with this model's vocabulary: '{text}' becomes '{written}'. "
    "The model cannot learn to write them; choose one made for this language (fewtune models --lang …)",
    "scored_texts": "scored by sacrebleu (BLEU {bleu}; chrF {chrf}; values from 0 to 1, others write them times 100) and rouge-score (F1, best reference, "
    "words of any alphabet in lower case with their diacritics, no stemming)",
    "report_asked_seq2seq": "Write a text for each {text}, learned from {rows} training rows of {data}.",
    "report_task_seq2seq": "text to text",
    "metric_chrf": "chrF",
    "metric_bleu": "BLEU",
    "metric_rouge_1": "ROUGE-1",
    "metric_rouge_2": "ROUGE-2",
    "metric_rouge_l": "ROUGE-L",
    "metric_rouge_lsum": "ROUGE-Lsum",
    "metric_exact_match": "exact match",
    "baseline_copy": "repeating the source",
    "baseline_lead_3": "repeating the first three sentences of the source",
    "short_copy": "copy",
    "short_lead_3": "lead 3",
    "report_metric_chrf": "chrF",
    "report_metric_bleu": "BLEU",
    "report_metric_rouge_1": "ROUGE-1",
    "report_metric_rouge_2": "ROUGE-2",
    "report_metric_rouge_l": "ROUGE-L",
    "report_metric_rouge_lsum": "ROUGE-Lsum",
}
