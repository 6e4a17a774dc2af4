"""What does a mixture of instructions teach, and what does it do to a task that was held out? Run by `make mixture DATA=<folder>`.

A real decoder of 264,128 parameters (stories260k) learns sentiment, topics and claims together, each in many wordings, and is asked
yes-or-no questions (strategyqa) that it never learned. Prints the exact match of every set before and after, on the same questions.
Such a small model knows nothing of the world: what it can learn is to answer in the words it is asked for, and that is seen.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean

from fewtune import RunConfig, train
from llama2c import convert

MIXTURE = """
cap: 1000
judged: 200
few_shot_characters: 600
sets:
  - {name: sentiment, data: sentiment.csv, templates: sentiment_en}
  - {name: topic, data: topic.csv, templates: topic_en}
  - {name: claims, data: claims.csv, templates: [labels_en, claims.yaml]}
  - {name: strategyqa, data: strategyqa.csv, templates: labels_en, held_out: true}
"""
CLAIMS = """
language: en
task: classification
templates:
  - {input: "{text}\\nIs that true?\\n{options}", target: "{label}"}
  - {input: "Claim: {text}\\nTrue?\\n{options}", target: "{label}"}
"""


def rows(path: Path, **reading: str) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, **reading))  # pyright: ignore[reportArgumentType]


def write(path: Path, columns: list[str], lines: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *lines])


def prepare(data: Path, out: Path) -> None:
    """The four data sets as plain tables, and the mixture beside them."""
    header, *lines = rows(data / "sentiment_en_mr" / "train.csv")
    write(out / "sentiment.csv", header, lines)
    topics = (data / "topic_sib200_en" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    write(out / "topic.csv", ["label", "text"], [line.split("\t")[1:] for line in topics])
    for name, source in (("claims", "creak"), ("strategyqa", "strategyqa")):
        lines = (data / "instruction_en_flan_cot" / f"{source}.tsv").read_text(encoding="utf-8").splitlines()
        cells = [line.split("\t") for line in lines]
        # Their questions already stand in a wording of FLAN's; only what is asked is kept.
        plain = [[text.split("\\n")[0].removeprefix("Claim: ").strip('"'), *rest] for text, *rest in cells]
        write(out / f"{name}.csv", ["text", "label", "rationale"], [each for each in plain if all(each)])
    (out / "claims.yaml").write_text(CLAIMS, encoding="utf-8")
    (out / "mixture.yaml").write_text(MIXTURE, encoding="utf-8")


def main() -> None:
    """Prepare, train, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("mixture"))
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    if not (options.data / "instruction_en_flan_cot").is_dir():
        sys.exit(f"DATA={options.data} holds no instruction_en_flan_cot; make mixture DATA=<folder of the data sets>")
    options.out.mkdir(parents=True, exist_ok=True)
    if (options.out / "run").exists():
        sys.exit(f"{options.out}/run is there already; remove it to measure anew")
    prepare(options.data, options.out)
    source = options.data / "model_stories260k"
    convert(source / "stories260K.bin", source / "tok512.bin", options.out / "model")
    config = {
        "model": str(options.out / "model"),
        "data": str(options.out / "mixture.yaml"),
        "task": {"name": "sft", "generate": True, "max_reply_length": 24},
        "method": {"name": "full"},
        "train": {"epochs": options.epochs},
        "out": options.out / "run",
    }
    result = train(RunConfig.model_validate(config))
    for finding in result.plan.findings:
        print(f"- {finding.say()}")
    said: dict[str, list[bool]] = defaultdict(list)
    lines = [
        json.loads(line) for line in (result.folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    for line in lines:
        words = {other["label"][0] for other in lines if other["group"] == line["group"]}
        said[line["group"]].append(line["prediction"] in words)
    print("\n| set | questions | exact match before | after | answers that are a label |\n|---|---|---|---|---|")
    before = result.scores.group_baselines["untuned"]
    for name, scores in result.scores.groups.items():
        one, two = before[name]["exact_match"], scores["exact_match"]
        print(
            f"| {name} | {two.n} | {one.value:.3f} | {two.value:.3f} ({two.low:.3f} to {two.high:.3f}) | {mean(said[name]):.3f} |"
        )


if __name__ == "__main__":
    main()
