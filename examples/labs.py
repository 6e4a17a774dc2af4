"""What the labs share: a model that is at hand, how large everything is, and how a score is shown.

Every lab asks for a model that people really use. If it is on this machine, or the Hugging Face Hub answers, that is the model.
Without a network the lab goes on with what is there, and says so: `minilm` (a real, small, English encoder, from the extra
`demo`) in place of an encoder, and an encoder-decoder of random weights in place of T5. The latter has read nothing before, so
its scores show that the steps work, never how good a method is: each of them is marked "mechanics only".
"""

import json
import os
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fewtune import RunConfig
from fewtune.cli.show import verdict
from fewtune.config.read import write_yaml
from fewtune.messages import say
from fewtune.record.folder import RunFolder
from fewtune.record.plan import Plan
from fewtune.record.result import Score

SMALL = os.environ.get("FEWTUNE_LAB") == "small"
"""Whether the labs only show that they run, in seconds: few rows, few epochs. Tests set it; nothing else reads it."""
SECONDS = 5
"""How long the Hub may take to answer."""
BASES = Path("runs") / "bases"
"""Where the random models are written."""
T = TypeVar("T")

warnings.filterwarnings("ignore", message="IProgress not found")  # tqdm's, where Jupyter came without ipywidgets


def size(full: T, small: T) -> T:
    """`full`, or `small` where the environment says FEWTUNE_LAB=small."""
    return small if SMALL else full


# --- the model


@dataclass(frozen=True)
class Base:
    """The pre-trained model that a lab starts from."""

    wanted: str
    """The model that the lab is about."""
    name: str
    """What `RunConfig(model=…)` takes."""
    reason: str = ""
    """Why it is not the one that was wanted; empty where it is."""
    random: bool = False
    """Whether its weights are random numbers."""

    @property
    def label(self) -> str:
        """What must stand beside every score; empty for a model that was really pre-trained."""
        if not self.random:
            return ""
        return (
            f"MECHANICS ONLY: the base is random, not {self.wanted}; this score says nothing about the method.\n"
            f"CHỈ LÀ CƠ CHẾ: mô hình gốc là ngẫu nhiên, không phải {self.wanted}; điểm này không nói gì về phương pháp."
        )

    def __str__(self) -> str:
        said = self.label or (
            f"{self.name} in place of {self.wanted}: really pre-trained, but another, smaller model, which learned English.\n"
            f"{self.name} thay cho {self.wanted}: được huấn luyện trước thật, nhưng là một mô hình khác, nhỏ hơn, học từ tiếng Anh."
        )
        return f"{said}\n({self.reason})" if self.reason else self.name


def encoder(wanted: str) -> Base:
    """`wanted` (bert-base-uncased, PhoBERT …), else `minilm`."""
    reason = out_of_reach(wanted)
    return Base(wanted, "minilm", reason) if reason else Base(wanted, wanted)


def writer(wanted: str, texts: Iterable[str]) -> Base:
    """`wanted` (t5-small, flan-t5-small, ViT5 …), else a T5 of random weights whose tokenizer is learned from `texts`."""
    reason = out_of_reach(wanted)
    return Base(wanted, random_t5(texts).as_posix(), reason, random=True) if reason else Base(wanted, wanted)


def out_of_reach(name: str) -> str:
    """Why the model `name` cannot be had now; empty if it can: a folder, in the Hub's cache, or the Hub answers."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if Path(name).is_dir():
        return ""
    try:
        folder = Path(snapshot_download(name, local_files_only=True))
        if any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_model*.bin")):
            return ""
    except LocalEntryNotFoundError:
        pass
    try:
        HfApi().model_info(name, timeout=SECONDS)
    except Exception as error:  # noqa: BLE001  whatever keeps the Hub from answering, the lab goes on and says what it was
        first = (str(error).strip() or "no answer").splitlines()[0]
        return f"{name} is not on this machine, and the Hub: {type(error).__name__}: {first}"
    return ""


def random_t5(texts: Iterable[str]) -> Path:
    """A folder with a small T5 of random weights, and a tokenizer of bytes and frequent pieces learned from `texts`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # there is nothing to wait for
    special = ["<pad>", "</s>", "<unk>"]
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()  # every byte, so that no letter is unknown, in Vietnamese neither
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    pieces.train_from_iterator(texts, trainer)
    pieces.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        decoder_start_token_id=0,  # pyright: ignore[reportCallIssue]
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = T5ForConditionalGeneration(config)
    folder = BASES / "random-t5"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# --- what is seen


def show_layers(plan: Plan) -> None:
    """How many parameters learn, and where; layers of equal name and size in different blocks (`*`) in one line."""
    print(f"{plan.trainable:,} / {plan.parameters:,} = {plan.trainable / plan.parameters:.2%}")
    alike = Counter((re.sub(r"\.\d+\.", ".*.", each.path), each.what, each.parameters) for each in plan.layers)
    for (path, what, parameters), times in alike.items():
        print(f"  {times:>3} × {parameters:>12,}  {what:<14} {path}")


def show_findings(plan: Plan) -> None:
    """What the checks saw in the data, in both languages."""
    for finding in plan.findings:
        print("!" if finding.level == "warning" else "·", finding.say("en"))
        print(" ", finding.say("vi"))


def show_scores(folder: str | Path, base: Base) -> None:
    """The test scores with their intervals, the baselines beside them, and the verdict; marked where the base is random."""
    scores = RunFolder(folder).read_scores()
    names = {name: say(f"short_{name}", "en") for name in scores.baselines}
    columns = {"tuned": scores.test} | {names[name]: of["test"] for name, of in scores.baselines.items()}
    print(" " * 14 + "".join(f"{name:>25}" for name in columns))
    for metric in scores.test:
        print(f"{metric:<14}" + "".join(f"{interval(of.get(metric)):>25}" for of in columns.values()))
    print()
    print(verdict(scores, "en"))
    print(verdict(scores, "vi"))
    _mark(base)


def interval(score: Score | None) -> str:
    """`0.80 (0.68 to 0.88)`."""
    return "" if score is None else f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})"


def show_difference(name: str, folder: str | Path, other_name: str, other: str | Path, base: Base) -> None:
    """One run minus another on the same test rows, in the metric of both, with its paired interval and p-value."""
    from fewtune.evidence.means import mean_difference

    metric, rows, worth = _worths(folder)
    other_metric, other_rows, other_worth = _worths(other)
    if (metric, rows) != (other_metric, other_rows):
        raise ValueError(f"{folder} and {other} were not tested on the same rows in the same metric")
    found = mean_difference(worth, other_worth, [text for _, text in rows], confidence=0.95, resamples=2000)
    by = found.score
    print(
        f"{metric}: {name} − {other_name} = {by.value:+.3f} ({by.low:+.3f} to {by.high:+.3f}), p = {found.p_value:.2g}"
    )
    _mark(base)


def _worths(folder: str | Path):
    """The metric of a run, its test rows (number and text; rows of one text belong together), and how good each answer was."""
    import numpy as np

    run = RunFolder(folder)
    comparison, scores = run.read_scores().comparison, run.read_scores().test
    assert comparison is not None
    lines = list(run.read_lines(run.predictions))
    worth = np.array([float(line.get("worth", line["label"] == line["prediction"])) for line in lines])
    if abs(worth.mean() - scores[comparison.metric].value) > 1e-5:
        raise ValueError(f"{comparison.metric} is no mean over rows, so its differences cannot be taken row by row")
    return comparison.metric, [(line["row"], line.get("pair", line["text"])) for line in lines], worth


def _mark(base: Base) -> None:
    if base.label:
        print(base.label)


# --- what it costs


@dataclass(frozen=True)
class Cost:
    """What a run took, from its own record."""

    learns: int
    """Parameters."""
    seconds: float
    """From the first step of training to the last, evaluations in between included."""
    before: int
    """Bytes that the process held before the model was loaded: Python, the libraries and the data."""
    peak: int
    """Most bytes that it ever held."""
    gpu: int | None
    """Most bytes allocated on the GPU, where there is one."""
    saved: int
    """Bytes of the weights on disk."""


def train_apart(config: RunConfig) -> Path:
    """`fewtune train` in a process of its own, as peak memory can only be told of a whole process; the folder of the run."""
    path = Path("runs") / f"{config.method.name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(write_yaml(config.model_dump(mode="json", exclude={"out"})), encoding="utf-8")
    command = [sys.executable, "-m", "fewtune", "train", str(path), "--quiet", "--json"]
    print("$ fewtune", *command[3:])
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Path(json.loads(done.stdout)["folder"])


def cost(folder: str | Path) -> Cost:
    """What the run in `folder` took."""
    run = RunFolder(folder)
    events = list(run.read_events())
    phases = {event.phase: event for event in events if event.kind == "phase"}
    memory = [event.memory for event in events if event.memory is not None]
    gpu = [event.gpu_memory for event in events if event.gpu_memory is not None]
    return Cost(
        learns=run.read_plan().trainable,
        seconds=phases["test"].seconds - phases["training"].seconds,
        before=phases["model"].memory or 0,
        peak=max(memory, default=0),
        gpu=max(gpu, default=None),
        saved=sum(file.stat().st_size for file in run.tuned.glob("*.safetensors")),
    )


def show_costs(runs: Sequence[tuple[str, str | Path]], metric: str, base: Base) -> None:
    """A line for each run: quality with its interval, what learns, seconds, memory, size on disk."""
    print(
        f"{'':<8}{metric:>24}{'learns':>12}{'seconds':>9}{'MB before':>11}{'MB peak':>9}{'MB GPU':>8}{'MB saved':>10}"
    )
    for name, folder in runs:
        of, quality = cost(folder), RunFolder(folder).read_scores().test[metric]
        gpu = "–" if of.gpu is None else f"{of.gpu / 1e6:.0f}"
        print(
            f"{name:<8}{interval(quality):>24}{of.learns:>12,}{of.seconds:>9.1f}{of.before / 1e6:>11.0f}"
            f"{of.peak / 1e6:>9.0f}{gpu:>8}{of.saved / 1e6:>10.2f}"
        )
    _mark(base)
