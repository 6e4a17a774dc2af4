"""English sentences about question answering: its files, its answers and its scores."""

SENTENCES: dict[str, str] = {
    # files
    "data_squad": "{path} is in SQuAD's form: its {questions:,} questions are read as one row each",
    "data_squad_form": "{path}: {place} has no '{name}' as SQuAD's form asks for. Correct the file there, or give a table with the columns question, context and answer",
    "data_columns_alike": "{path}: the columns {candidates} are called alike, and which one you mean only you know; choose one with {option}",
    "qa_no_text": "{path}: no column holds the question. It is found where it is called {names} …; the columns are {columns}. Choose one with {option}",
    "qa_no_pair": "{path}: no column holds the text that the question is about. It is found where it is called {names} …; the columns are {columns}. "
    "Choose one with {option}",
    "qa_no_label": "{path}: no column holds the answer. It is found where it is called {names} …; the columns are {columns}. Choose one with {option}",
    "qa_answer_kind": "{path}: {count} of {total} rows hold {value} instead of an answer in column '{column}' ({lines}). Write the answer as a text, "
    'or several as SQuAD does: {{"text": ["…"], "answer_start": [0]}}, with as many places as texts',
    "qa_start_kind": "{path}: {count} of {total} rows hold {value} instead of a place in column '{column}' ({lines}). A place is the number of the "
    "answer's first character, counted from 0. Correct it, or leave the cells empty and the answers are looked up in their texts",
    "qa_impossible_kind": "{path}: {count} of {total} rows hold {value} in column '{column}' ({lines}), which says whether a question has no answer; write true or false",
    "fits_spans": "columns called {question}, {context} and {answer}",
    # what cannot be learned
    "qa_no_answers": "none of the {rows:,} training rows has an answer, so there is nothing to learn; choose the column of the answers with data.label_column",
    "qa_answers_absent": "none of the {rows:,} answers stands in its text: '{answer}' to '{question}' is not in '{context} …'. Extractive question "
    "answering can only point to a part of the text; choose other columns with data.pair_column and data.label_column",
    "qa_question_long": "{rows} question(s) leave less than {least} tokens for the text in a window of {max_length}: row {row}, '{question} …', takes {tokens} tokens "
    "with what belongs to it. Questions are never cut; shorten them, or raise task.max_length where the model can take more",
    "qa_no_null": "{tokenizer} has neither a [CLS] nor an end token, so there is no place for 'no answer'; take another model",
    # findings
    "spans_absent": "{split}: {rows:,} of {of_rows:,} answers do not occur in their text, for example {examples} to '{question}' (row {row}); nothing is "
    "learned from these rows, and they are scored as given",
    "spans_contradicts": "{split}: {rows:,} of {of_rows:,} answers contradict their place and occur elsewhere several times, for example {examples} (row {row}): at "
    "character {stated} stands '{there}'; nothing is learned from these rows",
    "spans_moved": "{split}: {rows:,} of {of_rows:,} answers contradict their place and are learned where they occur, for example {examples} (row {row}): at "
    "character {stated} stands '{there}', the answer at {start}",
    "spans_several": "{split}: {rows:,} of {of_rows:,} answers occur several times in their text and no place is given, for example {examples} (row {row}); "
    "the first is learned, at character {start}",
    "spans_none": "{split}: {rows:,} of {of_rows:,} questions have no answer in their text",
    "spans_none_unlearned": "{split}: {rows:,} of {of_rows:,} questions have no answer in their text, but all training questions have one, so one is always given",
    "spans_long": "{split}: {rows:,} of {of_rows:,} answers are longer than may be said ({longest} tokens at most, task.max_answer_length={max_answer_length})",
    "spans_inside": "{split}: {rows:,} of {of_rows:,} answers begin or end inside a token and can only be said with the rest of it, for example {examples}",
    "spans_windows": "{split}: {rows:,} of {of_rows:,} rows are longer than {max_length} tokens and read in overlapping windows, {most} at most ({windows:,} windows in all)",
    # scores
    "metric_f1": "F1",
    "report_metric_f1": "F1",
    "report_metric_answerable_f1": "F1 where there is an answer",
    "report_metric_answerable_exact_match": "exact match where there is an answer",
    "report_metric_no_answer_recall": "left unanswered where there is no answer",
    "baseline_closest_sentence": "the sentence with most words of the question",
    "baseline_no_answer": "always saying that there is no answer",
    "short_closest_sentence": "closest sentence",
    "short_no_answer": "no answer",
    "scored_en": "scored by SQuAD's rule for English, for which case, punctuation and a, an, the do not count",
    "scored_vi": "scored by MLQA's rule for Vietnamese, for which case, punctuation and của, là, cái, chiếc, những do not count",
    "no_answer": "(no answer)",
    # the report
    "report_errors_least": "{wrong} of {rows} test rows were not answered entirely right; here are {n} of them, the worst first. Look at them before anything else: some may be right in other words than the data has.",
    "report_errors_worth": "{share} right",
    "report_no_answer": "no answer",
    "report_asked_question_answering": "Answer a question with the part of its text that answers it, learned from {rows} training rows of {data}.",
    "report_use_question": "Who built it?",
    "report_use_context": "Eiffel built the tower.",
    "report_use_windows": "These lines read the first window of a text, and always answer. fewtune reads all windows of a long text, and says where there is no answer if that was learned.",
    "report_about_f1": "how many words the answer and the right one share",
}
