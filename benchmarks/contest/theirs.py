"""The others: transformers.Trainer, on a peft model where the method is LoRA, and a plain loop on the same model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.contest.cells import ALPHA, RANK, Cell, Contender, Settings
from benchmarks.contest.data import COLUMNS, LABELS, LONGEST_TARGET, Rows, read_rows
from benchmarks.contest.shapes import SHAPES
from benchmarks.contest.turns import Over, Turns

WARMUP, CLIP, DECAY = 0.06, 1.0, 0.01
"""fewtune's defaults, so that the same is learned."""


def load() -> None:
    """What is imported before anything is done."""
    import peft  # noqa: F401
    import transformers
    from transformers import Trainer  # noqa: F401

    transformers.utils.logging.disable_progress_bar()


def model_of(contender: Contender, cell: Cell, folder: Path, seed: int) -> nn.Module:
    """The model with the method on it; the head is drawn from the seed, as fewtune's is."""
    import transformers

    shape = SHAPES[cell.shape]
    options: dict[str, Any] = {} if shape.writes else {"num_labels": len(LABELS)}
    if contender.best and shape.sdpa:
        options["attn_implementation"] = "sdpa"
    if contender.stored:
        options["dtype"] = torch.bfloat16
    torch.manual_seed(seed)
    model = getattr(transformers, shape.auto_class).from_pretrained(folder / "model", **options)
    if cell.method == "lora":
        return _with_lora(model, cell)
    if cell.method == "head":
        _train_head(model, shape.head)
    return model


def _with_lora(model: nn.Module, cell: Cell) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    shape = SHAPES[cell.shape]
    kinds = {"classification": "SEQ_CLS", "seq2seq": "SEQ_2_SEQ_LM", "language_modeling": "CAUSAL_LM"}
    return get_peft_model(
        model,  # pyright: ignore
        LoraConfig(
            task_type=kinds[shape.task],
            r=RANK,
            lora_alpha=ALPHA,
            lora_dropout=cell.dropout,
            target_modules=list(shape.targets),
            modules_to_save=None if shape.writes else list(shape.head),
        ),
    )


def _train_head(model: nn.Module, head: Iterable[str]) -> None:
    """Freeze the rest; an output layer that is the embeddings gets a weight of its own. What learns is fp32."""
    model.requires_grad_(False)
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in head:
            if name == "lm_head":
                module.weight = nn.Parameter(module.weight.detach().clone())
            module.float().requires_grad_(True)


def features_of(cell: Cell, tokenizer: Any, path: Path) -> list[dict[str, Any]]:
    """The rows of a file as tokens."""
    columns, rows = COLUMNS[SHAPES[cell.shape].task], read_rows(path)
    features = [dict(tokenizer(row[columns[0]], truncation=True)) for row in rows]
    for piece, row in zip(features, rows, strict=True):
        if columns[-1] == "label":
            piece["labels"] = LABELS.index(row["label"])
        elif columns[-1] == "target":
            piece["labels"] = tokenizer(row["target"], truncation=True, max_length=LONGEST_TARGET)["input_ids"]
    return features


def collator_of(cell: Cell, tokenizer: Any, model: nn.Module) -> Callable[[list[dict[str, Any]]], Any]:
    """transformers' own for each kind of data."""
    from transformers import DataCollatorForLanguageModeling, DataCollatorForSeq2Seq, DataCollatorWithPadding

    task = SHAPES[cell.shape].task
    if task == "seq2seq":
        return DataCollatorForSeq2Seq(tokenizer, model=model)
    return (
        DataCollatorForLanguageModeling(tokenizer, mlm=False)
        if task == "language_modeling"
        else DataCollatorWithPadding(tokenizer)
    )


def run_trainer(contender: Contender, cell: Cell, settings: Settings, folder: Path, turns: Turns) -> None:
    """Train until there are no more turns."""
    from transformers import AutoTokenizer, Trainer, TrainerCallback, TrainingArguments

    class Called(TrainerCallback):
        """Hands each loss on."""

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            turns.begins()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            turns.step(trainer.loss)

        def on_evaluate(self, *_: Any, metrics: dict[str, float], **__: Any) -> None:
            turns.evaluated(metrics["eval_loss"])

    class Remembering(Trainer):
        """Keeps the loss of the last step, which Trainer itself would only log, at a cost."""

        loss = torch.tensor(0.0)

        def training_step(self, *given: Any, **named: Any) -> torch.Tensor:
            self.loss = super().training_step(*given, **named)
            return self.loss

    rows, tokenizer = Rows.read(folder), AutoTokenizer.from_pretrained(folder / "model")
    model = model_of(contender, cell, folder, settings.seed)
    features = features_of(cell, tokenizer, folder / "train.csv")
    options: dict[str, Any] = {"bf16": contender.autocast}
    if contender.best:
        options |= {"optim": "adamw_torch_fused", "torch_compile": contender.compiled}
    if cell.until_loss:
        validation = features_of(cell, tokenizer, folder / "validation.csv")
        grouping = "group_by_length" if contender.grouped else "random"
        steps = settings.epochs * -(-len(features) // cell.rows)
        options |= {"num_train_epochs": settings.epochs, "eval_strategy": "epoch", "train_sampling_strategy": grouping}
        options |= {"warmup_steps": math.ceil(WARMUP * steps), "per_device_eval_batch_size": 64}
    else:
        validation = None
        features = [
            features[row] for epoch in rows.batches(contender, settings.seed) for window in epoch for row in window
        ]
        options |= {"num_train_epochs": 1, "train_sampling_strategy": "sequential", "lr_scheduler_type": "constant"}
    trainer = Remembering(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder / f"run-{contender.file}"),
            per_device_train_batch_size=cell.rows,
            learning_rate=rows.learning_rate,
            max_grad_norm=CLIP,
            seed=settings.seed,
            weight_decay=DECAY,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            **options,
        ),
        train_dataset=features,  # pyright: ignore
        eval_dataset=validation,  # pyright: ignore
        data_collator=collator_of(cell, tokenizer, model),
        processing_class=tokenizer,
        callbacks=[Called()],
    )
    try:
        trainer.train()
    except Over:
        return


def run_bare(contender: Contender, cell: Cell, settings: Settings, folder: Path, turns: Turns) -> None:
    """Forward, backward, clip, AdamW; until there are no more turns."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    rows, model = Rows.read(folder), model_of(contender, cell, folder, settings.seed)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=rows.learning_rate, weight_decay=DECAY, fused=True)
    features, collate = features_of(cell, tokenizer, folder / "train.csv"), collator_of(cell, tokenizer, model)
    model.train()
    try:
        for window in _windows(rows, contender, settings.seed):
            batch = collate([features[row] for row in window])
            with torch.autocast("cpu", torch.bfloat16, enabled=contender.autocast):
                loss = model(**batch).loss
            loss.backward()
            nn.utils.clip_grad_norm_(learning, CLIP)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            turns.step(loss.detach())
    except Over:
        return


def _windows(rows: Rows, contender: Contender, seed: int) -> Iterator[list[int]]:
    for epoch in rows.batches(contender, seed):
        yield from epoch
