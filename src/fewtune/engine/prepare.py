"""From options to everything that is known before the first weight is loaded: rows, features, and the plan."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from fewtune.adapted import Adapted, applied, stored_as
from fewtune.check.damage import damage
from fewtune.check.end_token import end_token, ends
from fewtune.check.evenness import evenness
from fewtune.check.groups import check_groups, small_groups
from fewtune.check.labels import labels as check_labels
from fewtune.check.leakage import leakage
from fewtune.check.segmentation import segmentation
from fewtune.check.special_tokens import special_tokens
from fewtune.check.tokenizer import tokenizer_merges
from fewtune.data.columns import Columns
from fewtune.data.glance import glance
from fewtune.data.rows import Row
from fewtune.engine.cache import FeatureCache
from fewtune.engine.features import Encoder
from fewtune.engine.frozen import frozen_part
from fewtune.engine.loop import Examples
from fewtune.engine.mixing import sources_of
from fewtune.engine.precision import Precision, choose_device, choose_precision
from fewtune.engine.reading import filled_in, read_rows, split_rows
from fewtune.engine.room import with_room
from fewtune.engine.serving import vllm
from fewtune.engine.sources import SPLITS
from fewtune.engine.types import parameters_by_name, types_at_once
from fewtune.errors import MethodError, ModelError
from fewtune.model.anatomy import Anatomy
from fewtune.model.base import base_facts
from fewtune.model.bitsandbytes import quantised_as
from fewtune.model.embedding import embedding_row, refuse_unknown
from fewtune.model.find import Origin, find_model
from fewtune.model.load import empty_model, load_config, load_tokenizer, trained_head
from fewtune.model.quantise import quantise, quantised_layers, stored
from fewtune.model.size import parameters
from fewtune.record.plan import Finding, Plan, PlannedColumn, PlannedLayer
from fewtune.settings import RunConfig
from fewtune.tasks._base import Features, Task

T = TypeVar("T", bound=Task)


@dataclass(frozen=True)
class Prepared:
    """A run that could start now."""

    config: RunConfig
    """The options, with everything filled in that was found."""
    task: Task
    origin: Origin
    tokenizer: PreTrainedTokenizerBase
    model_config: PreTrainedConfig
    examples: dict[str, Examples]
    """Split → rows and features."""
    precision: Precision
    types: Mapping[str, torch.dtype]
    """Of the parameters that are loaded in the format of the run at once."""
    plan: Plan


def prepare(config: RunConfig) -> Prepared:
    """Read, check, tokenise and count. Nothing is written, and no weights are loaded.

    Raises ConfigError, DataError, ModelError or MethodError for what stands in the way.
    """
    if config.hardware.threads is not None:
        torch.set_num_threads(config.hardware.threads)
    device = choose_device(config.hardware)
    precision = choose_precision(config.hardware, device)

    sources = sources_of(config.data, plain_text=config.task is not None and config.task.plain_text)
    config = config.model_copy(update={"data": sources.config})
    read = read_rows(sources.tables, sources.given, config.task)
    task = read.task
    task.prepare(read.rows["train"])  # what is no set of labels should be called that, not be split
    rows = split_rows(config.data, config.seed, task, read.rows)
    task = task.prepare(rows["train"])
    for name in SPLITS[1:]:
        task.check(rows[name], name)
    check_groups(rows)

    trust = config.model.trust_remote_code
    origin = find_model(config.model.name, config.model.revision)
    tokenizer = load_tokenizer(origin, trust_remote_code=trust)
    config = config.model_copy(update={"method": config.method.read(tokenizer)})
    task = task.for_model(load_config(origin, {}, tokenizer, trust_remote_code=trust), tokenizer, origin.name)
    task, new_head = _head(task, origin, trust)
    model_config = load_config(origin, task.model_options(), tokenizer, trust_remote_code=trust)
    empty = empty_model(task.auto_class, model_config, trust_remote_code=trust)
    if kept := quantised_as(model_config, origin):
        if config.method.chooses_base or stored_as(config.method, config.model.quantize) not in (None, kept):
            raise ModelError("quantized_already", name=origin.name, format=kept)
        quantise(empty, kept)
    anatomy, before = Anatomy(empty), parameters_by_name(empty)
    width = anatomy.width
    if not config.method.packs and getattr(task, "packing", False):
        raise MethodError("prompt_packed", method=config.method.name)
    task = limited(task, tokenizer, anatomy.positions, config.method.positions)
    assert task.max_length is not None
    encoder = Encoder(task, tokenizer, FeatureCache.of_user() if config.data.cache else None)
    features = {name: encoder.encode(rows[name]) for name in SPLITS}
    refuse_unknown(empty, tokenizer, origin.name, (piece["input_ids"] for name in SPLITS for piece in features[name]))
    adapted = applied(empty, config.method, quantize=config.model.quantize)
    learned = task.learned(features["train"])
    filled, found = _fill(config, task, origin, len(learned), width, device)
    lengths = [len(piece["input_ids"]) for piece in learned]
    given, item = config.train.checkpointing, precision.dtype.itemsize
    filled, tight = with_room(filled, adapted, max(lengths), item, device, given=given)
    options = filled.train
    assert options.epochs and options.batch_size and options.learning_rate
    micro = -(-len(learned) // options.batch_size)
    plan = Plan(
        model=origin.name,
        revision=origin.revision,
        architecture=type(empty).__name__,
        width=width,
        task=task.name,
        task_reason=read.task_reason,
        reading=read.reading,
        method=config.method.name,
        labels=getattr(task, "labels", None) or (),
        stated=task.stated,
        columns=_columns(read.columns),
        rows={name: len(rows[name]) for name in SPLITS},
        data_sha256=sources.digests,
        parameters=parameters(empty),
        trainable=parameters(empty, trainable=True),
        layers=tuple(_layers(adapted)),
        max_length=task.max_length,
        tokens=_spread(lengths),
        targets=_spread([_written(task, piece, tokenizer) for piece in learned]) if task.writes else {},
        calibration=min(micro, config.method.needs_batches),
        epochs=options.epochs,
        batch_size=options.batch_size,
        accumulation=options.accumulation,
        max_batch_tokens=options.max_batch_tokens,
        checkpointing=bool(options.checkpointing),
        steps=options.epochs * -(-micro // options.accumulation),
        learning_rate=options.learning_rate,
        precision=precision.name,
        device=device,
        threads=torch.get_num_threads(),
        found=tuple(found),
        new_head=new_head,
        vllm=vllm(
            type(empty).__name__,
            task.name,
            config.method,
            learns_whole_modules=bool(adapted.directly()),
            quantised=bool(quantised_layers(empty)),
        ),
        findings=(
            *sources.notes,
            *([] if config.method.settled else [_unsettled(config.method.name)]),
            *tight,
            *evenness(anatomy, adapted.layers()),
            *_findings(origin.name, task, rows, features, tokenizer),
            *(_ends(origin, adapted, features["train"], tokenizer) if task.writes else ()),
        ),
        glance=glance({name: [row.label for row in rows[name]] for name in SPLITS}, lengths),
        quantised=stored(empty, precision.dtype),
        frozen=frozen_part(adapted, task, features | {"train": learned}, options.epochs, item),
        base=base_facts(origin),
    )
    examples = {name: Examples(rows[name], learned if name == "train" else features[name]) for name in SPLITS}
    return Prepared(
        filled,
        task,
        origin,
        tokenizer,
        model_config,
        examples,
        precision,
        types_at_once(before, adapted, precision),
        plan,
    )


def _head(task: Task, origin: Origin, trust: bool) -> tuple[Task, bool]:
    """A checkpoint already trained on just these labels keeps its head, and with it its order of the labels."""
    head = trained_head(origin, task.auto_class, trust_remote_code=trust)
    ordered = task.with_head(head.labels, head.problem) if head else None
    return (task, True) if ordered is None else (ordered, False)


def limited(task: T, tokenizer: PreTrainedTokenizerBase, positions: int | None, taken: int = 0) -> T:
    """`max_length` filled in, and never beyond what the model has positions for, of which some may be `taken` already."""
    left = [positions - taken] if positions else []
    limits = [task.max_length or task.longest, tokenizer.model_max_length, *left]
    return task.model_copy(update={"max_length": int(min(limits))})


def _fill(
    config: RunConfig, task: Task, origin: Origin, rows: int, width: int, device: str
) -> tuple[RunConfig, list[str]]:
    train, model = config.train, config.model
    labels = len(getattr(task, "labels", None) or (0, 1))  # a task without labels counts as one with two
    if (format := stored_as(config.method, model.quantize)) != model.quantize:
        model = model.model_copy(update={"quantize": format})
    of_model = ["quantize"] if model is not config.model else []
    if Path(origin.name).is_absolute():  # a folder, which must be found from any other folder too
        model = model.model_copy(update={"name": origin.name})
    defaults = {
        "epochs": config.method.default_epochs(rows, labels),
        "batch_size": default_batch_size(rows),
        "learning_rate": config.method.default_learning_rate(width),
        "max_batch_tokens": default_batch_tokens(device),
        "checkpointing": False,
    }
    found = {name: value for name, value in defaults.items() if getattr(train, name) is None and value is not None}
    filled = {"model": model, "task": task, "train": train.model_copy(update=found)}
    of_task = filled_in(config.task, task) if config.task else ["name", *filled_in(type(task).model_validate({}), task)]
    sections = {"model": of_model, "train": found, "task": of_task}
    return config.model_copy(update=filled), [
        f"{section}.{name}" for section, names in sections.items() for name in names
    ]


def recounted(plan: Plan, adapted: Adapted) -> Plan:
    """The plan with what learns in a model that is adapted by now; for methods whose batches decide it."""
    counts = {"parameters": parameters(adapted.model), "trainable": parameters(adapted.model, trainable=True)}
    return plan.model_copy(update=counts | {"layers": tuple(_layers(adapted))})


def default_batch_size(rows: int) -> int:
    """8 rows per step below 500 training rows, else 16; see docs/decisions/defaults.md."""
    return 8 if rows < 500 else 16


def default_batch_tokens(device: str) -> int | None:
    """2048 tokens at once on a CPU, where more take memory and no less time; see docs/decisions/speed-batches.md."""
    return 2048 if device == "cpu" else None


def _unsettled(method: str) -> Finding:
    return Finding(id="ranks_by_data", level="note", values={"method": method})


def _layers(adapted: Adapted) -> list[PlannedLayer]:
    found = [
        PlannedLayer(path=path, what=type(layer).__name__, parameters=parameters(layer, trainable=True))
        for path, layer in adapted.layers().items()
    ]
    return found + [
        PlannedLayer(path=path, what="trained", parameters=parameter.numel())
        for path, parameter in adapted.directly().items()
    ]


def _columns(columns: Columns) -> dict[str, PlannedColumn]:
    named = {"text": columns.text, "pair": columns.pair, "label": columns.label, "group": columns.group}
    names = named | columns.others
    return {
        role: PlannedColumn(name=name, reason=columns.reasons.get(role, "")) for role, name in names.items() if name
    }


def _spread(lengths: list[int]) -> dict[str, int]:
    p95 = sorted(lengths)[min(len(lengths) - 1, int(0.95 * len(lengths)))]
    return {"median": int(statistics.median(lengths)), "p95": p95, "longest": max(lengths)}


def _written(task: Task, piece: Features, tokenizer: PreTrainedTokenizerBase) -> int:
    return sum(learned for _, learned in task.preview(piece, tokenizer))


def _findings(
    model: str,
    task: Task,
    rows: dict[str, Sequence[Row]],
    features: dict[str, list[Features]],
    tokenizer: PreTrainedTokenizerBase,
) -> list[Finding]:
    texts = [text for row in rows["train"] for text in (row.text, row.pair) if text]
    findings = damage(row for name in SPLITS for row in rows[name])
    findings += check_labels(rows["train"]) + small_groups(rows["test"]) + tokenizer_merges(texts, tokenizer)
    findings += segmentation(model, texts)
    findings += special_tokens((row for name in SPLITS for row in rows[name]), tokenizer)
    for name in SPLITS:
        findings += task.findings(rows[name], features[name], tokenizer, name)
    for name in SPLITS[1:]:
        findings += leakage(rows["train"], rows[name], name)
    return findings


def _ends(
    origin: Origin, adapted: Adapted, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase
) -> list[Finding]:
    rows = {id: embedding_row(origin, adapted.model, id) for id in ends(features, tokenizer)}
    learn = adapted.model.get_input_embeddings().weight.requires_grad
    return end_token(rows, tokenizer, embeddings_learn=bool(learn))
