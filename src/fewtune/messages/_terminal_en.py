"""English sentences of the command line itself: what was typed wrongly, and the heads of tables."""

SENTENCES: dict[str, str] = {
    # cli/_usage.py
    "usage_option_unknown": "no such option {option}; {hint}",
    "usage_missing": "{name} is missing",
    "usage_choice": "{name}: must be one of {choices}",
    "usage_see": "All options: {command} --help",
    # cli/_config.py
    "source_in_pieces": '{path}: a name with spaces stands in quotes: "{path}"',
    # cli/predict.py
    "predict_texts_or_data": "give either texts or --data FILE",
    "predict_needs_data": "{option} goes with --data FILE",
    "predict_file_as_text": "{path} is a file, but stands where a text to label would; to label its rows: fewtune predict {run} --data {path} …",
    "predict_json_or_out": "--json writes to standard output, --out FILE in the format of its ending; give one",
    "predict_accuracy_or_below": "--review-accuracy finds the cut-off, --review-below sets it; give one",
    "predict_format_of_file": "--format is for standard input (--data -); a file's ending says its format",
    "predict_pairs": "this model reads pairs of texts; give two texts for each, or --data FILE",
    # cli/evaluate.py
    "evaluate_no_label": "{path}: has no column '{column}', which held the labels in training, and without labels nothing can be scored. "
    "Name the column of the labels with --label-column; to label the rows instead: fewtune predict {run} --data {path}",
    "evaluate_learned": "{path} is the file that this run was trained on, so these scores are mostly a test of memory; the honest ones are in "
    "{run}/scores.json. Give rows that the model has never seen",
    # record/folder.py
    "run_absent": "{folder}: no such folder; {hint}",
    "run_absent_alone": "{folder}: no such folder; give the folder that `fewtune train` named at its end",
    # what the terminal shows
    "role_text": "text",
    "role_pair": "second text",
    "role_label": "label",
    "role_start": "answer's first character",
    "role_impossible": "whether there is an answer",
    "role_template": "part of the template",
    "role_group": "group",
    "plan_cpu": "cpu (threads: {threads})",
    "plan_next": "Nothing was trained yet. That is done by the same command with `train` instead of `plan`.",
    "layers_what": "what learns",
    "layers_as": "as",
    "layers_count": "how many",
    "layers_parameters": "parameters",
    "layers_all": "all",
    "layers_trained": "trained",
    "scores_title": "test, {confidence} intervals",
    "scores_title_file": "{path}: {rows:,} rows, {confidence} intervals",
    "scores_tuned": "tuned",
    "scores_lowest": "the {few} lowest of {count} classes; --json gives all of them",
}
