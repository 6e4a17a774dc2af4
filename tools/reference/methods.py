"""Methods: equation, paper, promises, options; how much of a model each trains; what it chooses by itself."""

from functools import cache

import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from fewtune.adapted import adapt
from fewtune.methods._base import Method
from fewtune.model.size import parameters
from fewtune.registry import Kind, describe, find, names
from tools.reference.markdown import prose, table
from tools.reference.options import option_table

SAVED = {"own": "fewtune's own safetensors", "model": "a whole model"}

# BERT models by what differs from BERT-base; each has 12 attention heads but the last.
MODELS = {
    "`minilm` (6 blocks, width 384)": {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536},
    "BERT-base (12 blocks, width 768)": {},
    "BERT-large (24 blocks, width 1024)": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
}
WIDTHS = (384, 768, 1024, 4096)
ROWS = (160, 800, 3_500, 20_000)


def own(kind: Kind) -> list[str]:
    """The names in fewtune itself: what plug-ins add on this machine is not documented here."""
    return [name for name in names(kind) if find(kind, name).__module__ == f"fewtune.{kind}.{name}"]


def methods() -> str:
    """One section for each."""
    return "\n\n".join(_section(name, find("methods", name)) for name in own("methods"))


def sizes() -> str:
    """How many parameters each method trains, counted on models without weights."""
    return table(
        ("method", *MODELS),
        [(f"`{name}`", *(_learning(name, model) for model in MODELS)) for name in own("methods")],
    )


def defaults() -> str:
    """Learning rate and epochs of each method where nobody gives them."""
    made: dict[str, Method] = {name: find("methods", name)() for name in own("methods")}
    rates = table(
        ("learning rate", *(f"width {width}" for width in WIDTHS)),
        [(f"`{name}`", *(f"{each.default_learning_rate(w):.2g}" for w in WIDTHS)) for name, each in made.items()],
    )
    epochs = table(
        ("epochs, two labels", *(f"{rows:,} rows" for rows in ROWS)),
        [(f"`{name}`", *(str(each.default_epochs(rows, 2)) for rows in ROWS)) for name, each in made.items()],
    )
    return f"{rates}\n\n{epochs}"


def _section(name: str, kind: type[Method]) -> str:
    promises = table(
        ("starts as the base model", "merges into a plain model", "is saved as"),
        [
            (
                "yes" if kind.starts_as_base else "no",
                "yes" if kind.mergeable else "no",
                _form(kind),
            )
        ],
    )
    known = option_table("method", kind, ["name"]) if len(kind.model_fields) > 1 else "It has no options of its own."
    return "\n\n".join([f"## `{name}`", prose(describe("methods", name)), promises, known])


def _form(kind: type[Method]) -> str:
    if kind.saved_as != "peft":
        return SAVED[kind.saved_as]
    tasks = f" for {' and '.join(kind.peft_tasks)}, else {SAVED['own']}" if kind.peft_tasks else ""
    return f"PEFT's adapter format (`{kind.peft_type}`){tasks}"


@cache
def _learning(name: str, model: str) -> str:
    with torch.device("meta"):
        empty = AutoModelForSequenceClassification.from_config(BertConfig(**MODELS[model] | {"num_labels": 2}))
    whole = parameters(empty)
    adapt(empty, find("methods", name)())
    learning = parameters(empty, trainable=True)
    return f"{learning:,} ({learning / whole:.2%})"
