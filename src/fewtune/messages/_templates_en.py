"""English sentences of `fewtune templates`."""

SENTENCES: dict[str, str] = {
    # cli/templates.py
    "templates_name": "name",
    "templates_language": "language",
    "templates_task": "task",
    "templates_wordings": "wordings",
    "templates_inverted": "inverted",
    "templates_thought": "thought",
    "templates_first": "the first one",
    "templates_legend": "inverted: the answer is given and the text is asked for. thought: reasons come before the answer, for data with a column of reasons. "
    "One as a file to edit: fewtune templates NAME --out mine.yaml",
    "templates_sound": "Every template in it can be used. Next: name this file under `templates` in a mixture file",
    "templates_written": "{path} is written. Change what you like, then see whether it still holds together: fewtune templates {path}",
    "templates_out_nameless": "--out {out}: which templates? Name one of those that `fewtune templates` lists, for example: fewtune templates sentiment_vi --out {out}",
}
