"""English sentences of `data/`: reading a table, finding its columns, taking its rows, splitting it."""

SENTENCES: dict[str, str] = {
    # read.py: the file
    "data_file_missing": "{path}: no such file. Check the name; the path is taken from the folder {folder}.",
    "data_file_missing_near": "{path}: no such file. Did you mean {near}?",
    "data_folder_missing": "{path}: the folder {folder} does not exist. Check the path.",
    "data_file_unreadable": (
        "{path} cannot be opened: {reason}. Close other programs that use it and check its permissions."
    ),
    "data_file_empty": "{path} is empty. Give a file with a line of column names and at least one row.",
    "data_no_rows": "{path} has column names but no rows. Add at least one row below the first line.",
    "data_not_utf8": (
        "{path}: not UTF-8: byte {byte} at offset {offset} (line {line}). "
        "Save the file as UTF-8 (in Excel: Save As, 'CSV UTF-8 (Comma delimited)'), or say how it was saved with data.encoding=…."
    ),
    "data_nul": (
        "{path}: line {line} holds a NUL character; the file is damaged or was saved as UTF-16. Save it as UTF-8."
    ),
    # read.py: CSV
    "data_csv_separator": (
        "{path}: the only column is named '{column}', so the cells seem to be separated by {separator}. "
        "Save the file with commas between cells, or rename that column."
    ),
    "data_csv_quote": (
        "{path}: the double quote opened on line {line} is not closed properly. Close it before the end of its cell, "
        'and write a quote inside a text as two quotes ("").'
    ),
    "data_csv_ragged": (
        "{path}: the row on line {line} has {found} cells, expected {expected}. "
        "Put double quotes around texts that contain {delimiter}, or add the missing cells."
    ),
    "data_column_unnamed": (
        "{path}: column {position} of {count} has no name. Name it in the first line or remove the column "
        "(from pandas: to_csv(..., index=False))."
    ),
    "data_column_repeated": "{path}: {count} columns are named '{column}'. Give every column its own name.",
    # read.py: JSONL
    "data_jsonl_line": "{path}: line {line} is not valid JSON: {reason}. Write one JSON object on each line.",
    "data_jsonl_kind": (
        '{path}: line {line} holds a JSON {kind}, not an object. Write one object like {{"text": "..."}} on each line.'
    ),
    # profile.py: finding columns
    "data_column_unknown": "{path}: {option} names the column '{column}', which does not exist; {hint}",
    "data_column_twice": (
        "{path}: the column '{column}' is asked for twice. "
        "Give data.text_column, data.pair_column and data.label_column different columns."
    ),
    "data_text_ambiguous": (
        "{path}: several columns could be the text: {candidates}. "
        "Choose with data.text_column (and data.pair_column for a pair of texts)."
    ),
    "data_text_not_found": "{path}: no column looks like text among {columns}. Name it with data.text_column.",
    "data_label_ambiguous": (
        "{path}: several columns could be the label: {candidates}. Choose one with data.label_column."
    ),
    "data_label_not_found": (
        "{path}: no column looks like a label (a few values that come back in many rows) among {columns}. "
        "Name it with data.label_column."
    ),
    # rows.py
    "data_text_missing": (
        "{path}: {count} of {total} rows have no text in column '{column}' ({lines}). "
        "Fill them in, remove these rows, or choose another column with {option}."
    ),
    "data_text_kind": (
        "{path}: {count} of {total} rows hold {kind} instead of a text in column '{column}' ({lines}). "
        "Write it as text (in Excel with an apostrophe before it), or choose another column with {option}."
    ),
    "data_label_missing": (
        "{path}: {count} of {total} rows have no label in column '{column}' ({lines}). "
        "Fill them in, remove these rows, or choose another column with data.label_column."
    ),
    "data_label_kind": (
        "{path}: {count} of {total} rows hold {kind} instead of one label in column '{column}' ({lines}). "
        "Write one string or whole number for each row, or choose another column with data.label_column."
    ),
    # split.py
    "data_split_share": (
        "data.validation_share={validation} and data.test_share={test} cannot be used: both together must be "
        "less than 1, so that rows are left to train on. Usual: data.validation_share=0.1 data.test_share=0.2."
    ),
    "data_split_too_few": (
        "{rows} rows are too few: {option}={share} gives {found} of them, and one for each class is needed, {needed} "
        "in all. Add rows, merge rare classes, raise {option}, or give a file of its own with {file}."
    ),
    "data_split_train_too_few": (
        "{rows} rows are too few: with data.validation_share={validation} and data.test_share={test} no row is left to train on "
        "for {missing} of {classes} classes ({examples}). Add rows of these classes, or lower "
        "data.validation_share or data.test_share."
    ),
}
