"""English sentences of the ways in: init, models, starting from a run, progress, trackers, push."""

SENTENCES: dict[str, str] = {
    # cli/_config.py
    "source_missing": "train on what? Give the file of examples, for example: fewtune train reviews.csv --model minilm; "
    "or a run.yaml, or the run to start from with --from",
    # cli/init.py
    "init_suffix": "{path}: the file of options must end in .yaml or .yml, or `fewtune train` would take it for data; for example --out run.yaml",
    "init_exists": "{path}: already exists and is left as it is; choose another name with --out, or remove it",
    "init_unwritable": "{path}: cannot be written ({reason}); choose another file with --out",
    "init_written": "{path} is written. Look through it, change what you like, then: fewtune train {path}",
    "init_head": "Options of a fewtune run. Start it: fewtune train {out}. A line that begins with # and no space is an option with its default: take the # away to change it. "
    "The same names serve on the command line: fewtune train {out} train.epochs=5",
    "init_data": "Found in {path}: {rows:,} rows, {labels:,} labels: {examples}",
    "init_models": "Others, with what to know of them: fewtune models",
    "init_methods": "Others, with their options: fewtune methods",
    "init_tasks": "Others, with their options: fewtune tasks",
    "model_loses_diacritics": "{name} does not keep the diacritics of Vietnamese (má, mà and mã are one word to it), and these texts have them; "
    "models that do: fewtune models --lang vi",
    # cli/models.py
    "models_model": "model",
    "models_kind": "kind",
    "models_size": "parameters",
    "models_languages": "languages",
    "models_licence": "licence",
    "models_weights": "weights",
    "models_diacritics": "diacritics",
    "models_segmented": "segmented",
    "models_read": "read",
    "models_legend": "diacritics: whether the tokenizer tells Vietnamese words apart that differ by them alone. segmented: whether words must be joined "
    "first (sinh_viên). read: the day on which the model's page was read; what could not be checked says unchecked. "
    "Next: fewtune train DATA --model NAME",
    "models_no_language": "no model of the table names the language '{given}'; {hint} List them all: fewtune models",
    "models_no_task": "no model of the table is for the task '{given}'; {hint} List them all: fewtune models",
    "models_none": "no model of the table is both for the language '{language}' and the task '{task}'; leave one of them out: fewtune models --lang {language}",
    # show/
    "progress_evaluation": "epoch {epoch:g}: loss {train:.3f} in training, {validation:.3f} in validation; {scores}",
    "progress_best": "best",
    "progress_epoch": "epoch {epoch}",
    "progress_left": "left",
    "progress_step": "epoch {epoch}: step {step:,} of {steps:,}, loss {loss:.3f}; {passed} so far, about {left} left",
    # track/
    "track_missing": "track: {name} needs the package {package}, which is not installed; run: pip install 'fewtune[track]' (or: pip install {package})",
    "track_failed": "the tracker {name} failed ({reason}). The run goes on without it; everything is in the run folder all the same",
}
