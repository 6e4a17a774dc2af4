"""English sentences of `token_classification`: tagged words, their files and their scores."""

SENTENCES: dict[str, str] = {
    "scored_entities": "entities are read from tags ({scheme}) as seqeval 1.2.2 reads them in its default mode",
    # CoNLL files
    "conll_found": "{path}: read as CoNLL: one word a line, its tag in column {column}, an empty line between sentences",
    "conll_one_column": "{path}: the line '{line}' has one column. Put the word in the first column and its tag in the last, with a tab or spaces "
    "between.",
    "conll_ragged": "{path}, line {line}: {found} columns, but the first line has {expected} ('{shown}'). Put an empty line between sentences, and the "
    "same columns in every other line.",
    "conll_word_empty": "{path}, line {line}: there is a tag but no word. Write the word, or remove the line.",
    "conll_tag_empty": "{path}, line {line}: there is a word but no tag. Write its tag (O where there is none), or remove the line.",
    # words and tags
    "fits_tags": "lists of words ('{words}') and of their tags ('{tags}')",
    "tags_no_words": "{path}: no column of words is known by its name among {columns}. Name it with data.text_column.",
    "tags_no_tags": "{path}: no column of tags is known by its name among {columns}. Name it with data.label_column.",
    "tags_words_missing": "{path}: {count} of {total} rows have no words in column '{column}' ({lines}). Fill them in, or remove these rows.",
    "tags_words_kind": "{path}: {count} of {total} rows hold {kind} {value} instead of a list of words in column '{column}' ({lines}). Write [\"Hà_Nội\", "
    '"đẹp"], or a text whose words stand between spaces; or choose another column with data.text_column.',
    "tags_word_empty": "{path}: {count} of {total} rows have an empty word in column '{column}' ({lines}). Fill it in, or remove it together with its tag.",
    "tags_tags_missing": "{path}: {count} of {total} rows have no tags in column '{column}' ({lines}). Write one for every word, O where there is "
    "nothing to mark.",
    "tags_tags_kind": '{path}: {count} of {total} rows hold {kind} {value} instead of a list of tags in column \'{column}\' ({lines}). Write ["B-LOC", "O"], or '
    "choose another column with data.label_column.",
    "tags_tag_empty": "{path}: {count} of {total} rows have an empty tag in column '{column}' ({lines}). Write O where there is nothing to mark.",
    "tags_numbers": "{path}: {count} of {total} rows have numbers without names for tags in column '{column}' ({lines}), such as {value}. Name what the "
    "numbers from 0 stand for, in their order: task.labels=[O, B-PER, I-PER, …]",
    "tags_lengths_line": "{path}, line {line}: the lists are of different lengths (words {words}, tags {tags} in column '{column}'). Give every word one tag.",
    "tags_lengths_row": "{path}, row {line}: the lists are of different lengths (words {words}, tags {tags} in column '{column}'). Give every word one tag.",
    "tags_lengths_file": "{path}, {line}: the lists are of different lengths (words {words}, tags {tags} in column '{column}'). Give every word one tag.",
    "tags_unknown": "the {split} rows hold tags that training does not know: {others} ({count} rows; by number {numbers}). Known are: {known}. Correct "
    "them, or put sentences with these tags among the training rows.",
    "tags_mixed": "some tags mark entities ({marked}) and others cannot be read so ({others}; {count} rows, by number {numbers}). Correct these tags, or, if "
    "every tag stands for itself, give task.scheme=words.",
    "tags_too_few": "all words of {rows:,} training rows have the tag '{tag}', so there is nothing to learn. Choose another data.label_column.",
    "tags_cut": "the texts in '{column}' are cut into words at white space; punctuation stays with its word. For words cut otherwise give a file with lists "
    "of words",
    # what is said before training
    "tags_scheme": "tags mark entities in {scheme}, {count} types: {types}. They are read as seqeval's default does: an I or E that continues nothing "
    "begins an entity",
    "tags_words": "tags mark no entities (no B-, I-): {count} tags, scored word by word: {examples}",
    "tags_invalid": "{count:,} tags in {rows:,} of {of_rows:,} {split} rows contradict {scheme} (^ is the start of a sentence, $ its end): {faults}. An "
    "I or E that continues nothing counts as the beginning of an entity",
    "tags_windows": "{rows:,} of {of_rows:,} {split} rows are longer than {max_length} tokens and are read in up to {most} overlapping windows; every word is "
    "answered once",
    # the terminal
    "metric_entity_f1": "F1 of entities",
    "metric_token_accuracy": "accuracy of words",
    "baseline_commonest_tag": "always giving the most frequent tag (O where tags mark entities)",
    "baseline_tag_of_each_word": "giving each word the tag it had most often in training",
    "short_commonest_tag": "commonest tag",
    "short_tag_of_each_word": "tag of each word",
    # the report
    "report_asked_token_classification": "Learn to give every word of a sentence one of {labels} tags, from {rows} sentences of {data}.",
    "report_metric_entity_f1": "F1 of entities",
    "report_metric_entity_precision": "precision of entities",
    "report_metric_entity_recall": "recall of entities",
    "report_metric_token_accuracy": "accuracy of words",
    "report_about_entity_f1": "an entity is right where its type and both of its ends are; all types together",
    "report_about_entity_precision": "share of the entities given that are right",
    "report_about_entity_recall": "share of the true entities that were found",
    "report_about_token_accuracy": "share of words whose tag is right",
    "report_no_entity": "none",
    "report_marked_true": "true",
    "report_marked_said": "given",
}
