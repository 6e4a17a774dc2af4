"""`RunConfig`: everything a run is asked to do, as frozen typed options. Importing this loads no torch.

The same names serve `run.yaml`, the command line (`train.learning_rate=1e-3`) and Python. A field that says "found" is
left empty by most people: the plan fills it from the data, the model and the method, and writes down what it chose.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator

from fewtune.config import Config
from fewtune.config.read import build, merge, without_found
from fewtune.errors import ConfigError
from fewtune.methods._base import Method
from fewtune.record.folder import RunFolder
from fewtune.registry import SINGULAR, Kind, find, names
from fewtune.tasks._base import Task
from fewtune.track._base import Tracker

Share = Annotated[float, Field(gt=0, lt=1)]
METHOD = "lora"
"""What is meant when nothing is said."""


class ModelConfig(Config):
    """Which pre-trained model to start from."""

    name: str = Field(min_length=1)
    """`minilm` (comes with the extra `demo`), a folder, or the name of a model on the Hugging Face Hub."""
    revision: str | None = None
    """Branch, tag or commit on the Hub; empty: the default branch, and the commit found is written down."""
    quantize: Literal["nf4", "int8"] | None = None
    """Keep the frozen weights of the blocks in 4 (`nf4`) or 8 bits (`int8`): less memory, slower steps, and not quite the same
    model; empty: what the method asks for, else not."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Never on by itself: read that code first."""


class DataConfig(Config):
    """Where the examples are, and which columns mean what."""

    path: Path
    """Training examples: a file (`.csv`, `.tsv`, `.xlsx`, `.jsonl`, `.json`, `.parquet`), a folder, or `owner/name` on the Hub."""
    validation: Path | None = None
    """Validation examples; empty: what `path` holds under that name, else a stratified part of the training rows."""
    test: Path | None = None
    """Test examples; empty: what `path` holds under that name, else a stratified part of the training rows."""
    text_column: str | None = None
    """Column that holds the text; empty: found by name and content."""
    pair_column: str | None = None
    """Column that holds a second text, for tasks about two texts."""
    label_column: str | None = None
    """Column that holds the label; empty: found by name and content."""
    group_column: str | None = None
    """Column of subgroups (hospital, dialect …), each of which is scored by itself on the test rows."""
    encoding: str | None = Field(default=None, min_length=1)
    """How the letters of a text file are stored, for example `cp1258`; empty: UTF-8, or what its byte order mark says."""
    delimiter: str | None = Field(default=None, min_length=1)
    """What stands between the cells of a line, for example `;` or `tab`; empty: found, and said if it is no comma."""
    sheet: str | None = Field(default=None, min_length=1)
    """Sheet of an Excel workbook, by name or by number from 1; empty: the only one that is not empty."""
    cut: Literal["line", "paragraph", "file"] | None = None
    """What of a `.txt` of plain text is one text: each line, each paragraph (between blank lines), or the file; empty, with a task
    that learns from plain text: the file where a folder holds several, else the paragraph, or the line where none is blank."""
    subset: str | None = None
    """Subset (configuration) of a data set on the Hub, where it has several."""
    revision: str | None = None
    """Branch, tag or commit of a data set on the Hub; empty: the default branch, and the commit found is written down."""
    cache: bool = True
    """Keep the tokens of many texts beside the Hub's cache, so that the next run on them starts at once."""
    validation_share: Share = 0.1
    """Share of the training file kept for validation when no validation file is given."""
    test_share: Share = 0.2
    """Share of the training file kept for the test when no test file is given."""

    @field_validator("sheet", mode="before")
    @classmethod
    def _number_is_text(cls, value: Any) -> Any:
        # `data.sheet=2` is a number to YAML, and a sheet may be called 2024.
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class TrainConfig(Config):
    """How the parameters are learned."""

    epochs: int | None = Field(default=None, ge=1)
    """How often the training rows are seen; empty: chosen from the number of rows."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate of AdamW; empty: the method's default for the model's width."""
    batch_size: int | None = Field(default=None, ge=1)
    """Rows per batch; empty: chosen from the number of rows."""
    accumulation: int = Field(default=1, ge=1)
    """Batches per optimiser step. Losses are counted over the whole window, so it equals one big batch."""
    max_batch_tokens: int | None = Field(default=None, ge=1)
    """Most tokens, padding among them, that go through the model at once: a larger batch goes in parts, with the same gradient;
    empty: 2048 on a CPU, no limit elsewhere."""
    checkpointing: bool | None = None
    """Keep of each block only what enters it, and compute the rest again in the backward pass: less memory, 1.3 to 1.6 times
    the time, the same gradient; empty: where the activations would not fit into the memory that is free."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's decoupled weight decay, on matrices only (never on biases and norms)."""
    warmup: float = Field(default=0.06, ge=0, lt=1)
    """Share of all steps in which the learning rate rises from zero."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the learning rate falls after the warm-up."""
    clip: float | None = Field(default=1.0, gt=0)
    """Largest norm of the gradient; empty (`null`): no clipping."""
    patience: int | None = Field(default=3, ge=1)
    """Stop after so many evaluations without a better score; empty (`null`): never stop early."""
    max_minutes: float | None = Field(default=None, gt=0)
    """Stop training after so many minutes, evaluate, and keep the best so far."""


class EvalConfig(Config):
    """How the result is judged."""

    batch_size: int = Field(default=64, ge=1)
    """Rows per forward pass where nothing is learned."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Level of every confidence interval."""
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples behind an interval."""


class HardwareConfig(Config):
    """What it runs on."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; `auto`: CUDA, else Apple's GPU, else the CPU."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of the forward pass; what learns is always kept in fp32."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads; empty: what torch chooses. Results are bitwise equal only for equal numbers of threads."""


def _named(kind: Kind, default: str | None = None):
    def resolve(value: Any) -> Any:
        """`"lora"` and `{"name": "lora", "rank": 16}` become the method's own class; options alone are the default's."""
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict):
            return value
        try:
            if not isinstance(name := value.get("name", default), str):
                raise ConfigError("option_nameless", section=SINGULAR[kind], names=", ".join(names(kind)))
            found = find(kind, name)
        except ConfigError as error:
            raise ValueError(error) from None  # pydantic collects it with the other mistakes
        return found.model_validate({**value, "name": found.model_fields["name"].default})

    return BeforeValidator(resolve)


def _short(field: str):
    """A bare string stands for the section's main field: `model: minilm`, `data: reviews.csv`."""
    return BeforeValidator(lambda value: {field: value} if isinstance(value, str | Path) else value)


def _several(value: Any) -> Any:
    """`mlflow` stands for `[mlflow]`."""
    return [value] if isinstance(value, str | dict | Tracker) else [] if value is None else value


class RunConfig(Config):
    """One run, from the file to the tuned model. `seed` decides splits, order, initialisation and dropout."""

    model: Annotated[ModelConfig, _short("name")]
    """The pre-trained model (see ModelConfig)."""
    data: Annotated[DataConfig, _short("path")]
    """The examples (see DataConfig)."""
    task: Annotated[SerializeAsAny[Task] | None, _named("tasks")] = None
    """What to learn (see `fewtune tasks`); empty: found from the label column."""
    method: Annotated[SerializeAsAny[Method], _named("methods", METHOD)] = Field(default=METHOD)  # pyright: ignore[reportAssignmentType]
    """How to learn it (see `fewtune methods`)."""
    train: TrainConfig = TrainConfig()
    """How the parameters are learned (see TrainConfig)."""
    eval: EvalConfig = EvalConfig()
    """How the result is judged (see EvalConfig)."""
    hardware: HardwareConfig = HardwareConfig()
    """What it runs on (see HardwareConfig)."""
    track: Annotated[tuple[Annotated[SerializeAsAny[Tracker], _named("track")], ...], BeforeValidator(_several)] = ()
    """Trackers that hear of the run too: `[mlflow]`, `[tensorboard, wandb]`, or with options `[{name: mlflow, uri: …}]`."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Decides splits, order, initialisation and dropout."""
    out: Path | None = None
    """Folder of the run, which must not exist yet; empty: `runs/<data>-<model>-<method>-<number>`."""

    @field_validator("out", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @classmethod
    def from_run(cls, folder: str | Path, **options: Any) -> "RunConfig":
        """The options of a finished run, with `options` on top: `RunConfig.from_run("runs/a", method="full", seed=1)`.

        A section is given as a dictionary of the options to change (`train={"epochs": 5}`) or whole, as an object. What the
        run found for itself is found anew. Raises FormatError when `folder` is no finished run, ConfigError with every mistake.
        """
        before, found = RunFolder.open(folder).read_options()
        return build(cls, without_found(merge(before, options), found, options))
