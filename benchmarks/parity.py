"""Does it compute what peft computes? Run by `make parity DATA=<folder>`.

1. minilm on sentiment_en_mr, fp32, no dropout, the same starting factors and batches: the loss of each of 50 steps of fewtune's
   loop against peft + a plain loop written here.
2. The same for question answering on qa_en_squad, against the loss that BertForQuestionAnswering itself gives for each window.
3. For each architecture a tiny wide-initialised model: the largest logit difference of an adapter saved here and loaded by peft,
   and of one saved by peft and loaded here.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

STEPS = 50


def losses_of_fewtune(config, prepared, start: dict[str, torch.Tensor], folder: Path) -> list[float]:
    """The loss of each step of our loop, LoRA factors and head as in `start` (path → tensor)."""
    from accelerate import Accelerator

    from fewtune.adapted import adapt
    from fewtune.engine.loop import Loop

    adapted = adapt(base_model(prepared), config.method)
    with torch.no_grad():
        for name, parameter in adapted.trainable().items():
            parameter.copy_(start[name])
    losses: list[float] = []

    def listen(event) -> None:
        if event.kind == "step":
            losses.append(event.loss)
            if len(losses) == STEPS:
                raise StopIteration

    train, validation = prepared.examples["train"], prepared.examples["validation"]
    accelerator = Accelerator(mixed_precision="no", cpu=True)
    loop = Loop(
        adapted,
        prepared.task,
        prepared.tokenizer,
        train,
        validation,
        config,
        prepared.precision,
        accelerator,
        folder,
        listen,
    )
    with suppress(StopIteration):
        loop.run()
    return losses


def losses_of_peft(config, prepared, start: dict[str, torch.Tensor]) -> list[float]:
    """The same with peft's model, torch's AdamW, and the formulas of the schedule and the mean loss written out."""
    from peft import LoraConfig, get_peft_model

    from fewtune.engine.batches import Batches

    method, options = config.method, config.train
    targets = [layer.path for layer in prepared.plan.layers if layer.what == "LowRankLinear"]
    lora = LoraConfig(
        task_type=prepared.task.peft_task_type, r=method.rank, lora_alpha=method.alpha, target_modules=targets
    )
    # Its wrapper for questions loses token_type_ids without a word (0.21.2), so the layer below it is called.
    model = get_peft_model(base_model(prepared), lora).base_model
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                ours = name.removeprefix("model.").replace(".modules_to_save.default", "")
                ours = ours.replace(".lora_A.default.weight", ".A").replace(".lora_B.default.weight", ".B")
                parameter.copy_(start[ours])
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in learning if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in learning if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
    batches = Batches(prepared.examples["train"].features, options.batch_size, options.accumulation, config.seed)
    steps, losses = prepared.plan.steps, []
    rising = math.ceil(options.warmup * steps)
    model.train()
    for step, window in enumerate(batches.rest_of_epoch()):
        if step == STEPS:
            break
        rate = (step + 1) / rising if step < rising else 1 - (step - rising) / (steps - rising)
        loss = LOSSES[prepared.task.name](model, window[0], prepared)
        loss.backward()
        nn.utils.clip_grad_norm_(learning, options.clip)
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * rate
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def classification_loss(model, pieces, prepared) -> torch.Tensor:
    batch = prepared.task.collate(pieces, prepared.tokenizer)
    labels = batch.pop("label")
    return nn.functional.cross_entropy(model(**batch).logits, labels)


def question_answering_loss(model, pieces, prepared) -> torch.Tensor:
    """Window by window, because transformers lets padding have a share of the probability."""
    losses = []
    for piece in pieces:
        inputs = {name: torch.tensor([piece[name]]) for name in ("input_ids", "attention_mask", "token_type_ids")}
        first, last = torch.tensor(piece["label"])[:, None]
        losses.append(model(**inputs, start_positions=first, end_positions=last).loss)
    return torch.stack(losses).mean()


LOSSES = {"classification": classification_loss, "question_answering": question_answering_loss}


def base_model(prepared):
    """The base model without dropout."""
    from fewtune.model.load import load_model

    model = load_model(prepared.origin, prepared.task.auto_class, prepared.model_config, new_head=True, seed=0)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def compare_losses(data: Path, **options) -> None:
    import fewtune
    from fewtune.adapted import adapt
    from fewtune.engine.prepare import prepare

    prepared = prepare(
        fewtune.RunConfig(
            model="minilm",  # pyright: ignore[reportArgumentType]
            data=fewtune.DataConfig(path=data),
            hardware=fewtune.HardwareConfig(precision="fp32", device="cpu"),
            method={"name": "lora", "dropout": 0.0},  # pyright: ignore[reportArgumentType]
            **options,
        )
    )
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        setattr(prepared.model_config, name, 0.0)
    torch.manual_seed(1)
    adapted = adapt(base_model(prepared), prepared.config.method)
    start = {name: p.detach() + 0.01 * torch.randn_like(p) for name, p in adapted.trainable().items()}
    with tempfile.TemporaryDirectory() as folder:
        ours = losses_of_fewtune(prepared.config, prepared, start, Path(folder))
    theirs = losses_of_peft(prepared.config, prepared, start)
    worst = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True))
    print(f"50 steps on {data.parent.name}, minilm, fp32: first loss {ours[0]:.6f} and {theirs[0]:.6f}, ", end="")
    print(f"last {ours[-1]:.6f} and {theirs[-1]:.6f}; largest relative difference {worst:.2e} (limit 1e-4)")
    assert worst < 1e-4


def compare_logits() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import peft

    from fewtune.adapted import adapt
    from fewtune.methods.lora import Lora
    from fewtune.model.anatomy import Anatomy
    from fewtune.model.find import Origin
    from fewtune.save.folder import load_adapter, save_tuned
    from models import ARCHITECTURES, tiny_batch, tiny_model, tiny_tokenizer

    def logits(model, batch) -> torch.Tensor:
        with torch.no_grad():
            return model.eval()(**batch).logits

    def randomise(model) -> None:
        torch.manual_seed(7)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data.normal_(std=0.3)

    print("\n| architecture | ours → peft | peft → ours | moved by the adapter |\n|---|---|---|---|")
    for name in ARCHITECTURES:
        batch = tiny_batch(name)
        before = logits(tiny_model(name), batch)
        with tempfile.TemporaryDirectory() as folder:
            adapted = adapt(tiny_model(name), Lora(rank=4))
            randomise(adapted.model)
            wanted = logits(adapted.model, batch)
            save_tuned(adapted, Path(folder) / "a", Origin("tiny", None, Path(folder)), tiny_tokenizer(), "SEQ_CLS")
            there = logits(peft.PeftModel.from_pretrained(tiny_model(name), str(Path(folder) / "a")), batch)
            out = float((wanted - there).abs().max())

            base = tiny_model(name)
            anatomy = Anatomy(base)
            config = peft.LoraConfig(
                task_type="SEQ_CLS",
                r=4,
                lora_alpha=16,
                target_modules=[layer.path for layer in anatomy.select(["blocks"])],
                modules_to_save=list(anatomy.head),
                fan_in_fan_out=name == "gpt2",
            )
            model = peft.get_peft_model(base, config)
            randomise(model)
            model.save_pretrained(str(Path(folder) / "b"))
            back = logits(load_adapter(tiny_model(name), Path(folder) / "b").model, batch)
            inward = float((logits(model, batch) - back).abs().max())
        print(f"| {name} | {out:.1e} | {inward:.1e} | {float((wanted - before).abs().max()):.1f} |")
        assert max(out, inward) < 1e-4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    for name in ("sentiment_en_mr", "qa_en_squad"):
        if not (options.data / name).is_dir():
            sys.exit(
                f"DATA={options.data} holds no {name}; give the folder of the data sets: make parity DATA=<folder>"
            )
    compare_losses(options.data / "sentiment_en_mr/train.csv")
    short = {"name": "question_answering", "max_length": 128, "stride": 32}
    compare_losses(options.data / "qa_en_squad/train.json", task=short, train={"batch_size": 4})
    compare_logits()


if __name__ == "__main__":
    main()
