"""Every method on every shape of model, every promise of the contract: passes, refused with the reason, or fails.

    make matrix                                     (some minutes; resumable, results in build/matrix)
    python benchmarks/matrix.py --methods lora,head --shapes bert,vit

Then each method that PEFT has too, saved by us and loaded by PEFT and the other way round, on all shapes. Both tables go to
docs/methods-matrix.md once all pairs are done. Models, batches and everything drawn are seeded; only the code decides.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Not this folder, whose methods.py would hide tests/methods.
sys.path[:] = [str(ROOT / "tests"), *(path for path in sys.path if path != str(Path(__file__).parent))]
PAGE = ROOT / "docs" / "methods-matrix.md"
# What decides the results; where one of these changes, all is tried again.
SOURCES = ("src/fewtune/methods", "src/fewtune/model", "src/fewtune/kernels", "src/fewtune/save", "src/fewtune/testing")
ALONE = ("src/fewtune/adapted.py", "src/fewtune/engine/precision.py", "tests/models.py", "tests/methods/grid.py")
# Method → options of PEFT's config beside the layers, where its type alone does not say which method it is.
THEIRS: dict[str, dict[str, Any]] = {
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "adalora": {"init_r": 4, "target_r": 2, "lora_alpha": 8, "total_step": 100},
}
LORA = {"r": 4, "lora_alpha": 8}
Result = dict[str, Any]


def fingerprint(what: str = "contract", method: str = "") -> str:
    """Of the code that a result is of."""
    digest = hashlib.sha256(repr(THEIRS.get(method)).encode() if what == "peft" else b"")
    for path in (
        *(file for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.py"))),
        *map(ROOT.joinpath, ALONE),
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def tried(method: str, shape: str) -> Result:
    """All checks of one pair."""
    from fewtune.errors import MethodError
    from fewtune.model.anatomy import Anatomy
    from fewtune.testing import method_checks
    from methods.grid import METHODS
    from models import SHAPES

    model, batch = SHAPES[shape].model, SHAPES[shape].batch()
    try:
        list(METHODS[method].edits(Anatomy(model())))
    except MethodError as error:
        return {"says": "refused", "reason": str(error)}
    failed = {}
    for check in method_checks():
        try:
            check(METHODS[method], model, batch)
        except Exception as error:  # noqa: BLE001  whatever goes wrong is what the table is for
            failed[check.__name__] = f"{type(error).__name__}: {error}".split("\n")[0]
    return {"says": "fails", "reason": failed} if failed else {"says": "passes", "reason": len(method_checks())}


def compared(method: str, shape: str) -> Result:
    """The largest difference of a logit between us and PEFT, both ways; a sentence where one of the two cannot."""
    import peft
    import torch

    from fewtune.adapted import adapt
    from fewtune.model.anatomy import Anatomy
    from fewtune.model.find import Origin
    from fewtune.model.quantise import dequantised
    from fewtune.save.folder import load_adapter, save_tuned
    from fewtune.save.peft import save_plain_lora
    from fewtune.testing._probe import any_tokenizer, base, move, outputs
    from methods.grid import METHODS
    from models import SHAPES

    model, batch, chosen = SHAPES[shape].model, SHAPES[shape].batch(), METHODS[method]

    def plain() -> Any:
        """What PEFT gets: the base as the method stores it, in layers that PEFT knows."""
        return dequantised(base(chosen, model))

    def apart(one: Any, other: Any) -> float:
        return float((outputs(one, batch) - outputs(other, batch)).abs().max())

    def moved(one: Any) -> Any:
        if apart(one, plain()) <= 1e-2:
            raise ValueError("the adapter makes no difference, so equality says nothing")
        return one

    def ours_there(folder: Path) -> float:
        torch.manual_seed(0)
        adapted = adapt(model(), chosen, [batch])
        move(adapted, seed=0)
        if chosen.saved_as == "peft":
            save_tuned(adapted, folder, Origin("tiny", None, folder), any_tokenizer())
        else:
            folder.mkdir()
            save_plain_lora(adapted, folder, Origin("tiny", None, folder), None)
        return apart(peft.PeftModel.from_pretrained(plain(), folder), moved(adapted.model))

    def theirs_here(folder: Path) -> float:
        kind = peft.PEFT_TYPE_TO_CONFIG_MAPPING[peft.PeftType(chosen.peft_type)]
        anatomy = Anatomy(model())
        layers = adapt(model(), chosen, [batch]).layers()
        options = {"target_modules": list(layers), "modules_to_save": list(anatomy.top) or None} | THEIRS.get(
            method, {}
        )
        if kind is peft.IA3Config:
            options["feedforward_modules"] = [layer.path for layer in anatomy.layers if layer.role == "down"]
        if kind is peft.LoraConfig:
            options |= LORA
        if "fan_in_fan_out" in kind.__dataclass_fields__:
            options["fan_in_fan_out"] = "gpt2" in shape
        torch.manual_seed(0)
        there = peft.get_peft_model(plain(), kind(**options))
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in there.parameters():
                if parameter.requires_grad:
                    parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
        there.save_pretrained(folder)
        return apart(load_adapter(base(chosen, model), folder).model, moved(there))

    found: Result = {}
    ways = {"ours": ours_there} | ({"theirs": theirs_here} if chosen.saved_as == "peft" else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for way, measure in ways.items():
            with tempfile.TemporaryDirectory() as temporary:
                try:
                    found[way] = measure(Path(temporary) / "adapter")
                except Exception as error:  # noqa: BLE001  one of the two cannot, which is a result
                    found[way] = f"{type(error).__name__}: {error}".split("\n")[0]
    return found


def pairs(methods: Iterable[str], shapes: Iterable[str]) -> list[tuple[str, str, str]]:
    """(what is done, method, shape), all of them, in order."""
    from methods.grid import METHODS, fitting

    methods, shapes = list(methods), list(shapes)
    # What stands before the input is compared in tests/save, by the tasks in which both mean the same.
    theirs = [
        name
        for name in methods
        if (METHODS[name].saved_as == "peft" or METHODS[name].plain_lora) and METHODS[name].peft_tasks is None
    ]
    return [("contract", method, shape) for method in methods for shape in shapes] + [
        ("peft", method, shape) for method in theirs for shape in shapes if shape in fitting(method)
    ]


def known(file: Path) -> dict[tuple[str, str, str], Result]:
    """What was found before by the same code."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found, codes = {}, cache(fingerprint)
    for line in lines:
        with suppress(ValueError):  # a line may be torn
            each = json.loads(line)
            if each["code"] == codes(each["what"], each["method"]):
                found[each["what"], each["method"], each["shape"]] = each
    return found


def run(todo: Iterable[tuple[str, str, str]], file: Path, minutes: float) -> dict[tuple[str, str, str], Result]:
    """Do what is not known yet, one line of `file` each, until all is done or the time is up."""
    file.parent.mkdir(parents=True, exist_ok=True)
    started, todo, codes = time.monotonic(), list(todo), cache(fingerprint)
    results = {key: value for key, value in known(file).items() if key in todo}
    with file.open("a", encoding="utf-8") as out:
        out.write("\n" if out.tell() else "")
        for what, method, shape in todo:
            if (what, method, shape) in results:
                continue
            if time.monotonic() - started > 60 * minutes:
                break
            result = tried(method, shape) if what == "contract" else compared(method, shape)
            result |= {"what": what, "method": method, "shape": shape, "code": codes(what, method)}
            out.write(json.dumps(result, ensure_ascii=False) + "\n")
            out.flush()
            results[what, method, shape] = result
            if result.get("says") == "fails":
                print(f"{method} on {shape} fails: {result['reason']}", flush=True)
    return results


# --- the page


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def contract_table(results: list[Result], shapes: list[str]) -> str:
    """One row a method."""
    marks = {"passes": "✓", "refused": "refused", "fails": "**fails**"}
    said = {(each["method"], each["shape"]): marks[each["says"]] for each in results}
    methods = dict.fromkeys(each["method"] for each in results)
    return table(
        ["method", *(f"`{shape}`" for shape in shapes)],
        ([f"`{method}`", *(said[method, shape] for shape in shapes)] for method in methods),
    )


def reasons(results: list[Result]) -> Iterator[str]:
    """Why a method was refused, once for each reason; what failed, each time."""
    refused: dict[tuple[str, str], list[str]] = {}
    for each in results:
        if each["says"] == "refused":
            refused.setdefault((each["method"], each["reason"].partition(" of ")[0]), []).append(each["shape"])
    for (method, _), shapes in refused.items():
        words = next(each["reason"] for each in results if (each["method"], each["shape"]) == (method, shapes[0]))
        yield f"- `{method}` on {', '.join(f'`{shape}`' for shape in shapes)}: {words}"
    for each in results:
        if each["says"] == "fails":
            yield f"- `{each['method']}` on `{each['shape']}` fails: {each['reason']}"


def peft_table(results: list[Result]) -> str:
    """One row a method: the largest difference over all shapes, both ways, and on how many shapes it could be had."""
    rows = []
    for method in dict.fromkeys(each["method"] for each in results):
        mine = [each for each in results if each["method"] == method]
        rows.append([f"`{method}`", *(_worst(mine, way) for way in ("ours", "theirs"))])
    return table(["method", "ours, loaded by PEFT", "PEFT's, loaded by us"], rows)


def not_compared(results: list[Result]) -> Iterator[str]:
    """What stood in the way, once for each reason."""
    for way, words in (("ours", "ours, loaded by PEFT"), ("theirs", "PEFT's, loaded by us")):
        shapes: dict[tuple[str, str], list[str]] = {}
        for each in results:
            if isinstance(reason := each.get(way), str):
                shapes.setdefault((each["method"], reason), []).append(f"`{each['shape']}`")
        for (method, reason), where in shapes.items():
            yield f"- `{method}`, {words}, on {', '.join(where)}: {reason}"


def _worst(results: list[Result], way: str) -> str:
    numbers = {each["shape"]: each[way] for each in results if isinstance(each.get(way), float)}
    refused = [each["shape"] for each in results if isinstance(each.get(way), str)]
    if not numbers:
        return "not possible" if refused else "no such type"
    worst = max(numbers, key=lambda shape: numbers[shape])
    where = f"{numbers[worst]:.1e} on `{worst}`" if numbers[worst] else "0"
    where += f", {len(numbers)} shape(s)"
    return where + (f"; not on {', '.join(f'`{shape}`' for shape in refused)}" if refused else "")


def page(results: list[Result]) -> str:
    """docs/methods-matrix.md."""
    import peft

    from models import SHAPES

    contract = [each for each in results if each["what"] == "contract"]
    theirs = [each for each in results if each["what"] == "peft"]
    checks = max((each["reason"] for each in contract if each["says"] == "passes"), default=0)
    writing = [name for name in SHAPES if name.endswith("_lm")]
    kinds = [
        [
            f"`{name}`",
            f"`{type(shape.model()).__name__}`",
            ", ".join(f"`{key}`" for key in shape.batch() if key != "labels"),
        ]
        for name, shape in SHAPES.items()
    ]
    parts = [
        "<!-- made by make matrix; never edited by hand -->",
        "# Methods and architectures",
        f"Every method on every shape of model. A tick means that all {checks} promises of the contract "
        "(`fewtune.testing.check_method`) were kept by a tiny random model of two blocks: it starts as the base model, only what "
        "is planned learns, the base stays as it is, the loss falls, merging and saving change nothing, bf16 and activation "
        "checkpointing work. Refused means that the method says before training why it does not fit. `make matrix` makes this "
        "page; `make test` tries `lora` on all shapes and every other method on a few that have every trait of them.",
        "## Classifiers",
        contract_table(contract, [name for name in SHAPES if name not in writing]),
        "## Language models whose output layer is the embedding",
        contract_table(contract, writing),
        "## Refused, and why",
        "\n".join(reasons(contract)) or "None.",
        "## Beside PEFT",
        "The largest difference of a logit, in fp32, between a model with our adapter and the same one loaded by PEFT "
        f"{peft.__version__}, and the other way round. Everything learned was set at random first, so that the adapter moves some "
        "logit by more than 0.01; the logits are of the size of 1 to 10. A method without a type in PEFT is written as a plain "
        "LoRA where that is exact; PEFT gets a base in few bits dequantised. `prompt_tuning` and `prefix_tuning` are compared in "
        "tests/save, in the tasks where both mean the same.",
        peft_table(theirs),
        *(["Where one of the two could not:", "\n".join(failures)] if (failures := list(not_compared(theirs))) else []),
        "## The shapes",
        table(["shape", "class of transformers", "inputs"], kinds),
    ]
    return "\n\n".join(parts) + "\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--methods", default="", help="some methods only, separated by commas; the page is not written then"
    )
    parser.add_argument("--shapes", default="", help="some shapes only; the page is not written then")
    parser.add_argument("--minutes", type=float, default=60, help="stop after so many minutes; the next call goes on")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "matrix")
    options = parser.parse_args(argv)

    import transformers

    from methods.grid import METHODS
    from models import SHAPES

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    methods, shapes = (list(filter(None, names.split(","))) for names in (options.methods, options.shapes))
    if unknown := [*(set(methods) - set(METHODS)), *(set(shapes) - set(SHAPES))]:
        parser.error(f"unknown: {', '.join(unknown)}; methods: {', '.join(METHODS)}; shapes: {', '.join(SHAPES)}")
    todo = pairs(methods or METHODS, shapes or SHAPES)
    results = run(todo, options.out / "results.jsonl", options.minutes)
    failed = sum(each.get("says") == "fails" for each in results.values())
    refused = sum(each.get("says") == "refused" for each in results.values())
    print(f"{len(results)} of {len(todo)} done: {refused} refused, {failed} fail")
    if len(results) == len(todo) and not (methods or shapes):
        PAGE.write_text(page([results[key] for key in todo]), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return 1 if failed or len(results) < len(todo) else 0


if __name__ == "__main__":
    sys.exit(main())
