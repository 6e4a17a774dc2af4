"""English sentences of `tasks/`: which task, its labels, targets and weights, and what is said about them."""

SENTENCES: dict[str, str] = {
    # which task
    "task_found": "task: {task} ({reason})",
    "task_reading": "labels are read with {option}={value}",
    "task_unclear": "{path}: the column '{column}' fits more than one task, and which one you mean only you know. Choose with one of\n{choices}",
    "task_choice": "--task {task}: {reason}",
    "task_unknown": "{path}: the column '{column}' fits no task; name one ({names}), or choose another column with data.label_column",
    "fits_one": "{distinct:,} different values in {rows:,} rows",
    "fits_one_of_several": "each of the {distinct:,} different values is a label of its own",
    "fits_sets": "several labels in a cell, separated by '{separator}'",
    "fits_lists": "lists of labels",
    "fits_numbers": "numbers such as {examples}",
    "fits_numbers_of_several": "the values are amounts: 4 is nearer to 5 than to 1",
    # labels
    "labels_empty": "{rows:,} of {of_rows:,} training rows carry no label at all; they are learned as rows to which none applies",
    "labels_too_few_for_sets": "the only label in {rows:,} training rows is '{label}'; at least two are needed. For one label that applies or not, "
    "write yes and no and give --task classification; or choose another data.label_column",
    "data_label_set": (
        "{path}: {count} of {total} rows hold {value} instead of a set of labels in column '{column}' ({lines}). "
        'Write labels with one separator between them ("a|b"), or lists of texts (["a", "b"]); or choose another column with data.label_column.'
    ),
    # numbers
    "data_label_number": (
        "{path}: {count} of {total} rows hold {value} or the like instead of a number in column '{column}' ({lines}). "
        "Correct or remove these rows; numbers are read with a decimal {decimal} (task.decimal) and without signs that group thousands."
    ),
    "target_decimal_unclear": "{path}: in the column '{column}' the sign in {examples} may separate decimals or group thousands. Say which: "
    "task.decimal=point or task.decimal=comma where it separates decimals, else write the numbers without it",
    "target_constant": "all {rows:,} training rows have the number {value} in the label column, so there is nothing to learn; choose another "
    "data.label_column",
    # weights
    "weights_labels": "task.class_weights: missing {missing}, unknown {unknown}; name every label once",
    "weights_count": "task.class_weights: {count} weights for the {expected} labels {labels}; give one for each, in this order",
    # groups
    "groups_too_many": "data.group_column: {count:,} different groups (at most {most}); choose a column whose values come back",
    "groups_small": "{count} group(s) have fewer than {few} test rows: {examples}; their scores are shown but say nothing",
    "groups_none": "{rows:,} of {of_rows:,} test rows have no group; they count in the scores of all rows alone",
    # the terminal
    "plan_rows_numbers": "{train:,} training, {validation:,} validation and {test:,} test rows; {median} tokens at the "
    "median, {longest} at most",
    "metric_accuracy": "accuracy",
    "metric_micro_f1": "micro F1",
    "metric_r2": "R²",
    "baseline_commonest_set": "always saying the most frequent set of labels",
    "baseline_tfidf_one_vs_rest": "counting words (TF-IDF + one logistic regression per label)",
    "baseline_mean": "always saying the mean",
    "baseline_tfidf_ridge": "counting words (TF-IDF + ridge regression)",
    "short_commonest_set": "commonest set",
    "short_tfidf_one_vs_rest": "TF-IDF + LR",
    "short_mean": "mean",
    "short_tfidf_ridge": "TF-IDF + ridge",
}
