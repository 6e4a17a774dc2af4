"""English sentences about instruction templates, mixtures, and models that are only asked."""

SENTENCES: dict[str, str] = {
    "templates_missing": "'{given}' is neither the name of bundled templates nor a file ({hint}). `fewtune templates` lists them",
    "templates_wrong": "{path}: these templates cannot be used: {mistakes}",
    "template_wrong": "{section}, number {number}: {reason}",
    "template_no_options": "{{options}} lists labels, and a task {task} has none; leave it out",
    "template_not_inverted": "an inverted template gives the answer ({label}) in its input and asks for the text ({text}) in its target",
    "template_tells": "the input tells the answer ({label}), which the model should find. Leave it out there, or put the template under inverted",
    "template_no_answer": "the target lacks the answer ({label})",
    "template_no_reasons": "the target of a chain of thought begins with a column of reasons, for example {{rationale}}, and ends with the answer ({label})",
    "templates_column": "{path}: the templates name a column '{column}', which '{name}' does not have ({hint}). Name a column of it, or add that column",
    "templates_no_pair": "{path}: the templates ask for a second text ({{{column}}}), and '{name}' has one text; name its column with pair_column, or "
    "take other templates",
    "mixture_wrong": "{path}: this mixture cannot be used: {mistakes}",
    "mixture_twice": "two sets are called '{name}'; give each a name of its own",
    "mixture_nothing": "every set is held out, so that nothing is left to learn. Leave held_out out in one",
    "mixture_weights": "{weighted} have a weight and {missing} have none; give one to each set that is learned, or to none",
    "mixture_alone": "{path} is a mixture, whose sets have their own columns and files; take away {options}, and write them there",
    "mixture_tasks": "set '{name}': its templates are for different tasks ({tasks}); rows can be read in one way only",
    "mixture_no_form": "set '{name}': none of the forms that are asked for ({forms}) can be made of its rows; give zero_shot a share above 0",
    "mixture_blank": "set '{name}': the answer at {path}, line {line}, is empty, so that '{target}' asks for nothing. Say what should be written then: "
    "words: {{'': 'unanswerable'}} in the templates or labels: {{'': 'unanswerable'}} in the mixture",
    "mixture_set": "mixture: '{name}' gives {rows:,} training questions of {of_rows:,} rows (forms: {forms}; templates: {templates}); "
    "{validation:,} validation and {test:,} test questions, zero-shot",
    "mixture_held_out": "mixture: '{name}' is held out: nothing of it is learned, {test:,} of its {of_rows:,} rows are test questions, zero-shot "
    "(templates: {templates})",
    "mixture_repeated": "mixture: '{name}' has {of_rows:,} training rows for {rows:,} questions: each is put {times:.1f} times on average, in wordings drawn anew",
    "mixture_fewer_shots": "mixture: {shortened:,} few-shot questions of '{name}' have fewer answered rows before them than asked for, because they would be "
    "too long (few_shot_characters)",
    "mixture_shared": "mixture: {rows:,} of the {of_rows:,} rows that '{name}' is judged by are training rows of '{other}' too, in other words perhaps; "
    "its score is partly a test of memory",
    # evaluate MODEL
    "ask_how": "{model} is no run but a model; to ask it as it comes, say what with --task classification (or question_answering), or how with "
    "--templates NAME (`fewtune templates`)",
    "ask_run": "{run} is a run, whose model was tuned already; {options} are for a model that is only asked, for example google/flan-t5-small",
    "ask_no_templates": "how should the model be asked for {task}? Say it with --templates (`fewtune templates` lists them); only {names} have some by themselves",
    "ask_other_task": "{path} holds templates for {of}, not for {task}; leave --task out, or take other templates",
    "ask_no_examples": "{shots} answered rows should stand before each question, and none are there; give them with --examples FILE, best the training file",
    "ask_few_examples": "{path}: {shots} answered rows should stand before each question, and only {rows} are not among the rows that are asked",
    "ask_same_words": "{path}: two labels are called the same ({words}), so that an answer would not tell them apart; give each a word of its own",
    "ask_no_writer": "{name} ({architecture}) does not write texts, so that it cannot be asked; take an encoder-decoder (google/flan-t5-small) or a decoder, "
    "or tune this one: fewtune train",
    "ask_cut": "{rows:,} of {of_rows:,} questions are longer than {max_length:,} tokens and are cut, which may take away what is asked",
    "ask_title": "{model} as it comes, asked about {rows:,} rows of {path} behind {shots} answered ones, {confidence} intervals",
    "ask_asked": "asked",
    "ask_wordings": "the same question in other words",
    "ask_wording": "asked as",
    "ask_range": "Of {count} wordings the worst scores {worst}, the best {best}: whoever takes the best one has chosen on these very rows.",
    "ask_first": "Asked as: {wording}",
    "ask_likeliest": "A label is chosen by its likelihood among the labels; --written lets the model write it instead.",
    "ask_written": "Answers are written, and right where they are the label's word but for case and marks; no_label counts those that are none of the labels.",
    "metric_no_label": "answers that are no label",
}
