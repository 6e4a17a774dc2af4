"""English sentences of prediction: writing tables, and which rows a person should review."""

SENTENCES: dict[str, str] = {
    # data/write.py
    "data_write_exists": "{path} exists already and is left as it is. Choose another name, or remove it.",
    "data_write_format": "{path}: cannot write '{suffix}' files. Choose a name ending in one of {endings}.",
    "data_write_refused": "{path} cannot be written: {reason}. Choose a folder you may write to.",
    "data_write_nul": (
        "{path}: row {row}, column '{column}': holds a NUL character, which CSV and TSV cannot carry. "
        "Write to .jsonl instead."
    ),
    "data_write_kind": (
        "{path}: row {row}, column '{column}': holds {kind}, which this format cannot carry. "
        "Write to .parquet instead, or remove the column."
    ),
    "data_write_long": (
        "{path}: row {row}, column '{column}': the text has {length:,} characters, and Excel takes {most:,} in a cell. "
        "Nothing is cut; write to .csv, .jsonl or .parquet instead."
    ),
    "data_write_rows": (
        "{path}: there are more than {most:,} rows, which is what an Excel sheet holds below its header. "
        "Write to .csv or .parquet instead, or split the data."
    ),
    "data_write_columns": (
        "{path}: there are {count:,} columns, and an Excel sheet holds {most:,}. Write to .csv or .parquet instead."
    ),
    "data_write_mixed": (
        "{path}: column '{column}' cannot have one type, as Parquet wants it (rows {row} to {last}: {reason}). "
        "Write to .jsonl instead, or make the values alike."
    ),
    "data_write_parquet": (
        "{path}: Parquet needs pyarrow, which is not installed. Run: pip install 'fewtune[files]'; or write to .csv"
    ),
    # predict: where the rows come from and go to
    "predict_rows_written": "{rows:,} rows written to {out}.",
    "predict_formulas": (
        "column '{column}': {count:,} formulas were never computed by the program that wrote them, and come out as empty cells. "
        "To keep their values open the file in Excel, save it, and run again."
    ),
    "predict_no_confidence": (
        "{option}: a model of task '{task}' does not say how probable a whole answer is, so there is no confidence. "
        "Leave the option out."
    ),
    "predict_standard_input": "standard input",
    "predict_line_not_utf8": (
        "standard input: line {line} is not UTF-8 (byte {byte}). Convert it, or save it as a file and name its encoding."
    ),
    # predict: what needs review
    "review_found": "{review:,} of {rows:,} rows need review (needs_review: confidence below {cut_off:g}).",
    "review_accuracy": (
        "{cut_off:g} is the lowest cut-off that keeps {accuracy:g}: of the validation rows from there up {right:,} of {kept:,} "
        "were right ({rows:,} rows in all), and that is enough even if the next one were wrong."
    ),
    "review_below": "{cut_off:g} is the cut-off asked for with --review-below.",
    "review_everything": (
        "Every row needs review: no cut-off reaches {accuracy:g} on the {rows:,} validation rows (it takes at least {fewest:,} "
        "rows above it, all right). Ask for less with --review-accuracy, choose a cut-off with --review-below, or train with "
        "more validation rows."
    ),
    "review_test": (
        "On the test rows, which did not choose it: {kept:,} of {rows:,} need no review, and {right:,} of those are right, "
        "{value:.1%} ({low:.1%} to {high:.1%})."
    ),
    "review_test_none": "On the test rows, which did not choose it: none of {rows:,} is above it, so nothing is known about it.",
    "review_missed": "That is less than the {accuracy:g} asked for, by more than chance: do not rely on the cut-off.",
    "review_unknown": (
        "{folder}: no validation_predictions.jsonl, from which the cut-off of needs_review is found. "
        "Give a cut-off with --review-below, or train again."
    ),
}
