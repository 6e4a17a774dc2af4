"""What is prepared from two real data sets, beside a count that shares no code with it: rows, tokens learned, and what is cut.

    python benchmarks/prepared.py --data <folder with summarization_en_mts_dialog, instruction_en_gsm8k and model_stories260k>

Dialogues of doctors with summaries go to a random T5 (with and without a template), word problems with their solutions to the tiny
Llama of llama2.c. The count reads the files with csv and json, cuts them into tokens with the tokenizers library alone, and follows
the rules as they are documented. Prints a table with both figures, and fails where they differ. Takes about a minute.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

import fewtune
from fewtune.record.plan import Plan
from fewtune.settings import RunConfig
from llama2c import convert
from memorise import write_model

LONGEST, LONGEST_TARGET = 512, 128
TEMPLATE = "Summarize as {section_header}: {source}"
FIGURES = {
    "truncated": {"rows": "sources cut", "tokens_lost": "source tokens lost"},
    "target_cut": {"rows": "targets cut", "tokens_lost": "target tokens lost"},
    "sft_learned": {"learned": "tokens learned", "tokens": "tokens"},
    "sft_cut": {"rows": "rows cut", "tokens_lost": "tokens lost", "unlearned": "learned tokens lost"},
    "sft_endless": {"rows": "ends cut off"},
}
"""Finding → its values, and how the table calls them."""


def said(plan: Plan, split: str) -> Counter[str]:
    """What the plan says about a split."""
    found: Counter[str] = Counter(rows=plan.rows[split])
    for finding in plan.findings:
        if finding.values.get("split") == split:
            found |= {name: finding.values[value] for value, name in FIGURES.get(finding.id, {}).items()}
    if split == "train" and plan.task == "seq2seq":
        found |= {"longest target": plan.targets["longest"], "median target": plan.targets["median"]}
    return found


def counted_texts(rows: Iterable[dict[str, str]], folder: Path, template: str) -> Counter[str]:
    """Sources and targets, each with its end token."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def length(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids) + 1

    rows = list(rows)
    filled = [
        template.replace("{section_header}", row["section_header"]).replace("{source}", row["dialogue"]) for row in rows
    ]
    sources, targets = [length(text) for text in filled], [length(row["section_text"]) for row in rows]
    over, over_target = [n - LONGEST for n in sources], [n - LONGEST_TARGET for n in targets]
    kept = sorted(min(n, LONGEST_TARGET) for n in targets)
    middle = (kept[(len(kept) - 1) // 2] + kept[len(kept) // 2]) // 2
    return Counter(
        {
            "rows": len(rows),
            "sources cut": sum(n > 0 for n in over),
            "source tokens lost": sum(n for n in over if n > 0),
            "targets cut": sum(n > 0 for n in over_target),
            "target tokens lost": sum(n for n in over_target if n > 0),
            "longest target": kept[-1],
            "median target": middle,
        }
    )


def counted_replies(rows: Iterable[dict[str, str]], folder: Path) -> Counter[str]:
    """Start token, question, blank line, answer, end token; too long ones lose their oldest tokens, down to a quarter."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    found: Counter[str] = Counter()
    for row in rows:
        asked = f"{row['question']}\n\n"
        encoded = tokenizer.encode(f"<s>{asked}{row['answer']}", add_special_tokens=False)
        begin = len("<s>") + len(asked)
        reply = sum(end > begin for _, end in encoded.offsets) + 1
        prompt, length = len(encoded.ids) + 1 - reply, len(encoded.ids) + 1
        over = max(length - LONGEST, 0)
        of_prompt = min(over, max(prompt - 1 - LONGEST // 4, 0))
        found += Counter(
            {
                "rows": 1,
                "tokens": length - over,
                "tokens learned": reply - (over - of_prompt),
                "rows cut": over > 0,
                "tokens lost": over,
                "learned tokens lost": over - of_prompt,
                "ends cut off": over > of_prompt,
            }
        )
    return found


def plan_of(model: Path, data: Path, validation: Path, **options: Any) -> Plan:
    """What `fewtune plan` says, with all rows of `data` for training."""
    given = {"path": str(data), "validation": str(validation), "test": str(validation)} | options.pop("columns", {})
    return fewtune.plan(RunConfig.model_validate({"model": str(model), "data": given, "task": options}))


def main() -> None:
    """Prepare, count, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data: Path = parser.parse_args().data
    dialogues, problems = data / "summarization_en_mts_dialog", data / "instruction_en_gsm8k" / "train.jsonl"
    files = {"train": dialogues / "train.csv", "validation": dialogues / "validation.csv"}
    texts = {name: list(csv.DictReader(path.open(encoding="utf-8", newline=""))) for name, path in files.items()}
    lines = [json.loads(line) for line in problems.read_text(encoding="utf-8").splitlines()]
    differences = 0
    with tempfile.TemporaryDirectory() as made:
        t5, stories = Path(made) / "t5", Path(made) / "stories"
        write_model(t5, [row[column] for row in texts["train"] for column in ("dialogue", "section_text")])
        convert(*(data / "model_stories260k" / name for name in ("stories260K.bin", "tok512.bin")), stories)
        columns = {"text_column": "dialogue", "label_column": "section_text"}
        compared: list[tuple[str, Counter[str], Counter[str]]] = []
        for name, template in (("summaries", None), ("summaries, template", TEMPLATE)):
            plan = plan_of(t5, *files.values(), columns=columns, name="seq2seq", template=template)
            for split in ("train", "validation"):
                counted = counted_texts(texts[split], t5, template or "{source}")
                if split == "validation":
                    del counted["longest target"], counted["median target"]  # said of the training rows
                compared.append((f"{name}, {split}", said(plan, split), counted))
        plan = plan_of(stories, problems, problems, name="sft")
        compared.append(("problems, train", said(plan, "train"), counted_replies(lines, stories)))
    print(f"{'':<32}{'':<24}{'plan':>12}{'counted':>12}")
    for name, ours, theirs in compared:
        for figure in sorted(ours.keys() | {key for key, value in theirs.items() if value}):
            same = ours[figure] == theirs[figure]
            differences += not same
            print(
                f"{name:<32}{figure.strip():<24}{ours[figure]:>12,}{theirs[figure]:>12,}{'' if same else '  differs'}"
            )
    sys.exit(f"{differences} figures differ" if differences else 0)


if __name__ == "__main__":
    main()
