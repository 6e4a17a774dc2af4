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
    "init_data_numbers": "Found in {path}: {rows:,} rows, each with a number",
    "init_models": "Others, with what to know of them: fewtune models",
    "init_methods": "Others, with their options: fewtune methods",
    "init_tasks": "Others, with their options: fewtune tasks",
    "model_loses_diacritics": "{name} does not keep the diacritics of Vietnamese (má, mà and mã are one word to it), and these texts have them; "
    "models that do: fewtune models --lang vi",
    # cli/models.py
    "models_model": "model",
    "models_kind": "kind",
    "models_size": "params",
    "models_languages": "languages",
    "models_licence": "licence",
    "models_weights": "weights",
    "models_diacritics": "diacritics",
    "models_segmented": "segmented",
    "models_legend": "diacritics: whether the tokenizer tells Vietnamese words apart that differ by them alone. segmented: whether words must be joined "
    "first (sinh_viên). The facts were read from the models' pages on {first} to {last}; what could not be checked says unchecked. "
    "Next: fewtune train DATA --model NAME",
    "models_tasks": "{kind}: good for {tasks}",
    "models_no_language": "no model of the table names the language '{given}' (all models: fewtune models); {hint}",
    "models_no_task": "no model of the table is for the task '{given}' (all models: fewtune models); {hint}",
    "models_none": "no model of the table is both for the language '{code}' and the task '{task}'; leave one of them out: fewtune models --lang {code}",
    # show/
    "progress_evaluation": "epoch {epoch:g}: loss {train:.3f} in training, {validation:.3f} in validation; {scores}",
    "progress_best": "best",
    "progress_epoch": "epoch {epoch}",
    "progress_left": "left",
    "progress_step": "epoch {epoch}: step {step:,} of {steps:,}, loss {loss:.3f}; {passed} so far, about {left} left",
    # track/
    "track_missing": "track: {name} needs the package {package}, which is not installed; run: pip install 'fewtune[track]' (or: pip install {package})",
    "track_failed": "the tracker {name} failed ({reason}). The run goes on without it; everything is in the run folder all the same",
    # save/hub.py, cli/push.py
    "push_no_card": "{folder}: no card.md, which becomes the repository's README; write it with: fewtune report {folder}",
    "push_no_licence": "{card}: names no licence, so it is not published; write `license: …` between the two lines of --- at its top, or upload privately "
    "(without --public)",
    "push_licence": "{card}: says license: {given}, but the base model {base} is under {licence}, which may not allow that; read its licence, write "
    "`license: {licence}` into the card if that is right, or upload privately (without --public)",
    "push_name": "{repo}: the Hub does not take this name ({reason}); give user/name",
    "push_is_public": "{repo}: everybody can see this repository, and a private upload was asked for; choose another name, or add --public",
    "push_no_token": "not logged in at the Hub; run: hf auth login (with a token that may write)",
    "push_token_refused": "{endpoint} does not accept your token; log in again: hf auth login (with a token that may write)",
    "push_forbidden": "{repo}: your token may not write there; use a token with write permission (hf auth login), or a repository of your own",
    "push_offline": "offline mode is on (HF_HUB_OFFLINE), so nothing can be uploaded; switch it off and call again",
    "push_unreachable": "{endpoint} cannot be reached ({reason}); connect to the network and call again",
    "push_failed": "{repo}: the Hub refused the upload ({reason}); nothing is half uploaded, call again",
    "push_to": "To {url} ({new}, {seen}):",
    "push_new": "new",
    "push_there": "exists already, files of these names are replaced",
    "push_private": "private",
    "push_public": "public, everybody can see it",
    "push_sum": "{files} files, {size}. Not uploaded: predictions, training texts, options, checkpoints.",
    "push_report_quotes": "report.html quotes texts of the test rows",
    "push_local_base": "the adapter was trained on a folder of this machine, {base}, which is named in its config; without that model nobody can use it",
    "push_ask": "Upload?",
    "push_left": "Nothing was uploaded.",
    "push_unasked": "nobody can be asked here whether to upload; if all of that is right, add --yes: fewtune push {run} {repo} --yes",
    "push_done": "Uploaded to {url}",
    # check/segmentation.py
    "not_segmented": "{model} learned Vietnamese words joined by underscores (sinh_viên), but only {joined:,} of {of:,} texts have any; run a word segmenter "
    "over the texts first (VnCoreNLP, underthesea, pyvi), and over those to be predicted, or choose another model: fewtune models --lang vi",
    # model/find.py
    "model_near": "Did you mean --model {near}?",
    "model_list": "Well-known models: fewtune models",
}
