"""English sentences about files: formats, encodings, delimiters, sheets, folders, data sets on the Hub."""

SENTENCES: dict[str, str] = {
    # where.py: what is there
    "data_format_export": (
        "{path}: '{suffix}' files cannot be read. Open it in the program that made it, choose Save As and 'Excel Workbook (*.xlsx)'."
    ),
    "data_format_packed": "{path}: '{suffix}' files are packed. Unpack it first and give the file inside.",
    "data_format_unknown": "{path}: unknown file type '{suffix}'. Give one of {readable}, or a folder of them.",
    "data_folder_empty": "{path}: this folder holds no table. Give a folder with .csv, .xlsx, .jsonl or .parquet files, or one folder for each label.",
    "data_folder_mixed": "{path}: this folder holds files of several kinds ({kinds}), and they make no single table. Give one of them, for example {example}.",
    "data_folder_splits": (
        "{path}: {known} is named after a split and {nameless} is not, so it is unclear what to train on. "
        "Give the file to train on, for example {example}, and the others with data.validation=… and data.test=…."
    ),
    "data_folder_deep": (
        "{path}: the folder {folder} in it is neither full of .txt files alone (one folder for each label) nor named train, validation or test with one "
        "table in it. Give the folder that holds the tables, or a file."
    ),
    "data_splits_several": "{path} is split already, and one table is wanted here. Give one of: {choices}.",
    "data_files_differ": (
        "{path}: {first} and {other} have different columns (not in both: {columns}), so they make no single table. Make the columns equal, or give one of the files."
    ),
    "data_option_useless": "{path}: {option} is given, but '{suffix}' files have no such thing. Leave {option} out.",
    # encoding.py
    "option_encoding": "data.encoding: Python knows no encoding of text named '{given}'; for example utf-8, utf-16, cp1258 (Vietnamese Windows), cp1252 (Western Windows)",
    "data_encoding_contradicted": "{path}: data.encoding={asked}, but the file begins with the mark of {found}. Leave data.encoding out.",
    "data_utf16_unmarked": (
        "{path}: not UTF-8; every second byte is zero, as in UTF-16 without a byte order mark. "
        "If the file is text, add data.encoding={encoding} (--encoding {encoding})."
    ),
    "data_not_utf8_recognised": (
        '{path}: not UTF-8 (byte {byte} at offset {offset}, line {line}); it looks like {encoding}, in which the place reads "{shown}". '
        "If that is right, add data.encoding={encoding} (--encoding {encoding}); if not, save the file as UTF-8, in Excel as 'CSV UTF-8 (Comma delimited)'."
    ),
    "data_not_utf8_font": (
        '{path}: not UTF-8 (byte {byte} at offset {offset}, line {line}); it looks like Vietnamese in the old font {font}, in which the place reads "{shown}". '
        "Convert the file to Unicode (UTF-8), for example with UniKey's toolkit (Ctrl+Shift+F6)."
    ),
    "data_not_encoding": (
        "{path}: not {encoding}: byte {byte} at offset {offset} (line {line}). Give the encoding it was saved in with data.encoding=…, "
        "or leave data.encoding out for UTF-8."
    ),
    # _csv.py
    "option_delimiter": "data.delimiter: must be one character such as ; or |, or the word tab, got {given}",
    "data_delimiter_ambiguous": (
        "{path}: the first line ({line}) can be cut at several characters ({delimiters}), and the rows do not tell which one is meant. "
        "Choose with data.delimiter=… (--delimiter)."
    ),
    "data_delimiter_comma": "commas",
    "data_delimiter_semicolon": "semicolons",
    "data_delimiter_tab": "tabs",
    "data_delimiter_bar": "vertical bars",
    "data_text_file": (
        "{path}: the first line ({line}) holds no tab, comma, semicolon or bar between column names, so this is no table. "
        "Put the texts into a .csv with a column of labels, or into one folder for each label; to learn from plain text: --task language_modeling."
    ),
    "data_delimiter_found": "{path}: the cells are separated by {delimiter}",
    "data_delimiter_others": "{path}: the cells are taken to be separated by commas, although {others} would fit too; if that is meant, choose it with data.delimiter=… (--delimiter)",
    "data_quotes_plain": "{path}: double quotes are taken as they stand, since they do not enclose whole cells",
    # _json.py
    "data_json_invalid": "{path}: not valid JSON: line {line}: {reason}. Repair it there, or export it again.",
    "data_json_several": "{path}: several lists of objects could be the rows: {names}. Leave only one of them in the file.",
    "data_json_form": (
        '{path}: holds a JSON {found} in a form that is no table. Write a list of objects, [{{"text": "…", "label": "…"}}, …], '
        "or one list of equal length for each column."
    ),
    "data_json_row": '{path}: row {row} is a JSON {found}, not an object. Write every row as an object like {{"text": "…", "label": "…"}}.',
    "data_json_lengths": "{path}: the columns have different lengths ({lengths}). Make them equal.",
    "data_json_is_lines": "{path}: holds one JSON object on each line and is read as JSON lines",
    "data_json_part": "{path}: the rows are those under '{name}'; what else is in the file is not read ({rest})",
    # _workbook.py, _xlsx.py
    "data_xlsx_locked": "{path}: is protected with a password. Open it in Excel and remove the password under File, Info, Protect Workbook, then save it.",
    "data_xlsx_old": "{path}: is an Excel file of before 2007 (.xls) under another name. Open it in Excel, choose Save As and 'Excel Workbook (*.xlsx)'.",
    "data_xlsx_damaged": "{path}: is no Excel workbook, or a damaged one ({reason}). Open it in Excel and save it again, or copy it again from where it came.",
    "data_sheet_unknown": "{path}: there is no sheet '{asked}'. The sheets are: {sheets}. Choose by name or number with data.sheet=… (--sheet).",
    "data_sheet_several": "{path}: several sheets hold something: {sheets}. Choose one by name or number with data.sheet=… (--sheet).",
    "data_sheet_hidden": "{path}: only hidden sheets hold something: {sheets}. Choose one by name or number with data.sheet=… (--sheet).",
    "data_sheet_empty": "{path}: the sheet '{sheet}' is empty. Choose another one with data.sheet=… (--sheet).",
    "data_sheet_unnamed": (
        "{path}: cell {cell} holds a value, but its column {column} has no name in {header}. "
        "Write a name into {header}; if there are rows above the names, delete them."
    ),
    "data_sheet_found": "{path}: the sheet '{sheet}' is read, and not {others}",
    "data_cell_bad": (
        "{path}: {count} of {total} rows have no usable value in column '{column}' ({lines}). The first is cell {cell}: {why}, "
        "or choose another column."
    ),
    "data_cell_error": "an error of Excel; correct its formula or fill in a value",
    "data_cell_formula": "a formula whose result is not stored in the file; open the file in Excel and save it",
    "data_cell_merged": "a part of merged cells; unmerge them in Excel (Merge & Center, Unmerge) and fill in every cell",
    "data_at_line": "lines {numbers}",
    "data_at_row": "rows {numbers}",
    "data_at_file": "at {numbers}",
    # rows.py: what stands where a text or a label should
    "data_kind_number": "a number",
    "data_kind_switch": "true or false",
    "data_kind_list": "a list",
    "data_kind_object": "an object",
    "data_kind_other": "something else",
    # _parquet.py
    "data_parquet_extra": "{path}: reading Parquet needs a package that is not installed; run: pip install 'fewtune[files]'",
    "data_parquet_damaged": "{path}: is no Parquet file, or a damaged one ({reason}). Copy or download it again.",
    "data_parquet_labels": "{path}: the numbers in column '{column}' are read as the labels that the file names for them: {labels}",
    # _files.py
    "data_files_joined": "{path}: {count} files are read as one table, from {first} to {last}",
    "data_classes_found": "{path}: {count} texts in folders that name their labels: {labels}",
    # _hub.py
    "data_hub_offline": (
        "{name}: no such file or folder here; and as a data set of the Hub it is not on this machine (searched {cache}), and the Hub cannot be reached "
        "(offline mode: {offline}). Check the path, or connect once and run: hf download {name} --repo-type dataset"
    ),
    "data_hub_unknown": "{name}: no such file or folder here, and the Hub has no such data set (revision {revision}: {reason}). Check the spelling.",
    "data_hub_gated": "{name}: its authors ask for your consent first; open https://huggingface.co/datasets/{name}, agree, then run `hf auth login`",
    "data_hub_download": "{name}: the download failed ({reason}); try again, or download it with: hf download {name} --repo-type dataset",
    "data_hub_no_files": "{name}: this data set holds no files that can be read ({readable}), and code of a data set is never run. Export it to one of these.",
    "data_hub_subset": "{name}: this data set has several subsets: {known}. Choose one with data.subset=….",
    "data_hub_subset_unknown": "{name}: there is no subset '{asked}'; there is: {known}. Choose one with data.subset=….",
    "data_hub_split": "{name}: there is no split '{split}'; there is: {known}. Write for example {name}:train.",
    "data_hub_incomplete": (
        "{name}: of {file} only {found} of {parts} parts are on this machine. Connect, and run: hf download {name} --repo-type dataset"
    ),
    "data_splits_found": "{split}: taken from {path}",
    "data_splits_unused": "{path}: not used: {splits}",
    # check/damage.py
    "text_misread": (
        '{rows:,} of {of_rows:,} texts are UTF-8 that was read as {encoding} and saved so: "{found}" was "{repaired}". The model would learn these signs as '
        "letters; go back to the file before that, and open it as UTF-8"
    ),
    "text_legacy": (
        '{rows:,} of {of_rows:,} texts are Vietnamese in the old font {font}: "{found}" is "{repaired}". No model reads that; convert the file to Unicode, '
        "for example with UniKey's toolkit (Ctrl+Shift+F6)"
    ),
    "text_replaced": '{rows:,} of {of_rows:,} texts hold "\N{REPLACEMENT CHARACTER}", which stands for a letter that was lost: "{found}". Go back to the file before that, and save it as UTF-8',
    "text_questions": (
        '{rows:,} of {of_rows:,} texts hold question marks inside words, as if letters were lost when the file was saved: "{found}". Go back to the file before '
        "that, and save it as UTF-8, in Excel as 'CSV UTF-8 (Comma delimited)'"
    ),
}
