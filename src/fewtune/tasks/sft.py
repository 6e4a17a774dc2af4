"""Instructions and chat (supervised fine-tuning): a decoder learns to reply as in the examples.

A conversation is written with a chat template, the tokenizer's own where it has one, and the loss is the cross-entropy
−Σₜ log p(yₜ | all before) over the tokens of the replies, each with the token that ends it; what the user and the system say is
read and not learned. In a conversation of several turns every reply is learned.

A conversation longer than `max_length` loses its oldest tokens, so that the last reply and its end stay; a quarter of the length
is kept for what was asked, and a reply that does not fit beside it loses its end. `cut_from=right` drops the end instead, as most
trainers do, and with long requests that is the whole reply. Both are counted.

Scores: perplexity, log-likelihood per token and token accuracy of the replies; with `generate=true` also chrF, BLEU, ROUGE and
exact match of those written; with bootstrap intervals over rows. Baselines: how often each token occurs, and the model before
tuning.

`chat.jsonl`:

    {"prompt": "Dịch sang tiếng Anh: xin chào", "completion": "Hello"}
    {"prompt": "Two plus two?", "completion": "Four."}
    {"prompt": "Thủ đô của Việt Nam?", "completion": "Hà Nội."}
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from fewtune.data.answers import Texts
from fewtune.data.columns import Columns, Given
from fewtune.data.dialogues import find_columns, find_dialogue, read_dialogues
from fewtune.data.read import Table
from fewtune.data.rows import Row, Turn
from fewtune.errors import DataError, ModelError
from fewtune.evidence.likelihood import Foreseen
from fewtune.evidence.text_scores import text_metrics, text_scores
from fewtune.metrics.bleu import bleu_signature
from fewtune.metrics.chrf import chrf_signature
from fewtune.record.plan import Finding
from fewtune.record.result import Scores
from fewtune.tasks._base import Batch, Features, Prediction, Said
from fewtune.tasks._chat import newest, prompt_ids, written
from fewtune.tasks._generate import Written, write
from fewtune.tasks._language import IGNORED, LanguageTask
from fewtune.tasks._pack import PROVEN
from fewtune.tasks._template import choose_template
from fewtune.tasks._texts import references, said

KEPT = 4
"""One of so many parts of `max_length` is kept for the request, whatever the length of the reply."""


class Replied(NamedTuple):
    """What is kept of a piece for which a reply was written."""

    counted: Tensor | None
    """As `LanguageTask.answer` keeps it, where there is a reply to compare with."""
    reply: Written


class Sft(LanguageTask):
    """Requests with replies, one or several turns."""

    name: Literal["sft"] = "sft"
    chat_template: str | None = Field(default=None, min_length=1)
    """How a conversation is written: `own` (the tokenizer's), `chatml`, `alpaca`, `plain`, or the path of a file in Jinja; empty:
    `own` where the tokenizer has one, else `plain`."""
    learn: Literal["replies", "everything"] = "replies"
    """What carries loss: the replies, or every token."""
    cut_from: Literal["left", "right"] = "left"
    """Where a conversation is cut that is too long: its oldest tokens, or its end."""
    generate: bool = False
    """Write a reply to every row that is judged, and score it with chrF, BLEU, ROUGE and exact match. Takes much longer."""
    max_reply_length: int = Field(default=128, ge=2)
    """Longest reply in tokens where one is written; at most three quarters of `max_length`."""

    auto_class: ClassVar = "AutoModelForCausalLM"
    peft_task_type: ClassVar = "CAUSAL_LM"
    writes: ClassVar = True

    @property
    def shift(self) -> int:
        """Each token is foreseen from those before it."""
        return 1

    # --- the data

    @classmethod
    def recognised(cls, table: Table, given: Given) -> Finding | None:
        """Columns of requests and replies, or of conversations, by their names."""
        found = find_dialogue(table, asked=False)
        if (
            found is None
            or given.pair is not None
            or not {given.text, given.label} <= {None, found.request, found.reply}
        ):
            return None
        if found.request == found.reply:
            return Finding(id="fits_conversations", level="note", values={"column": found.request})
        return Finding(id="fits_replies", level="note", values={"request": found.request, "reply": found.reply})

    def columns(self, table: Table, given: Given, *, need_label: bool = True) -> Columns:
        """The request and the reply, or the conversation; beside them `input` and `system`, where there are any."""
        return find_columns(table, given, need_reply=need_label)

    def reading(self, table: Table, columns: Columns) -> Self:
        """There is one way to read them."""
        return self

    def rows(self, table: Table, columns: Columns) -> list[Row]:
        """What was said before the last reply, and that reply."""
        return read_dialogues(table, columns, need_reply=columns.label is not None)

    def prepare(self, rows: Sequence[Row]) -> Self:
        """Nothing depends on the rows."""
        return self

    def unit(self, row: Row) -> Hashable:
        """Equal requests."""
        return row.turns or row.text

    # --- the model

    def for_model(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, name: str) -> Self:
        """The template, which the tokenizer takes with it from now on, so that every other program writes as in training.

        Raises ModelError for what is no decoder, ConfigError for a template that is not there.
        """
        values = {"name": name, "kind": config.model_type}
        if config.is_encoder_decoder:
            raise ModelError("sft_encoder_decoder", **values)
        if not any(each.endswith(("ForCausalLM", "LMHeadModel")) for each in config.architectures or ()):
            raise ModelError("sft_no_decoder", **values, architecture=", ".join(config.architectures or ("?",)))
        if not tokenizer.is_fast:
            raise ModelError("sft_slow_tokenizer", **values)
        if self.packing and config.model_type not in PROVEN:
            raise ModelError("packing_unproven", **values, proven=", ".join(PROVEN))
        chosen, text = choose_template(self.chat_template, tokenizer, values)
        tokenizer.chat_template = text
        return self.model_copy(update={"chat_template": chosen})

    def with_head(self, labels: tuple[str, ...], problem: str | None) -> Self:
        """A language model's output layer is used as it is."""
        return self

    def encode(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase) -> list[Features]:
        """One piece per row; of a row without a reply what the model reads to write one."""
        return [self._piece(index, row, tokenizer) for index, row in enumerate(rows)]

    def _piece(self, index: int, row: Row, tokenizer: PreTrainedTokenizerBase) -> Features:
        assert self.max_length is not None, "the plan fills it in"
        asked: tuple[Turn, ...] = row.turns or (("user", row.text),)
        if row.label is None:
            ids = newest(prompt_ids(asked, tokenizer), self.room, tokenizer)
            return {"input_ids": ids, "label": None, "row": index, "prompt": len(ids)}
        assert isinstance(row.label, Texts)
        ids, learned, prompt, exact = written((*asked, ("assistant", row.label.texts[0])), tokenizer)
        label = [
            token if self.learn == "everything" or here else IGNORED for token, here in zip(ids, learned, strict=True)
        ]
        label[0] = IGNORED  # nothing stands before it
        whole = sum(token != IGNORED for token in label)
        keep = self._kept(len(ids), prompt, head=int(ids[0] == tokenizer.bos_token_id))
        label = [label[at] for at in keep]
        about = {
            "prompt": sum(at < prompt for at in keep),
            "lost": len(ids) - len(keep),
            "unlearned": whole - sum(token != IGNORED for token in label),
            "ended": keep[-1] == len(ids) - 1 and ids[-1] in tokenizer.all_special_ids,
            "exact": exact,
        }
        return {"input_ids": [ids[at] for at in keep], "label": label, "row": index, **about}

    def _kept(self, length: int, prompt: int, *, head: int) -> list[int]:
        """Which of the tokens of a conversation stay; `head` of them, the start token, always do."""
        assert self.max_length is not None
        over = length - self.max_length
        oldest = min(over, max(0, prompt - head - self.max_length // KEPT)) if self.cut_from == "left" else 0
        return [*range(head), *range(head + max(oldest, 0), length)][: self.max_length]

    @property
    def room(self) -> int:
        """Tokens of a request that leave room for a reply."""
        assert self.max_length is not None
        return max(self.max_length - self.max_reply_length, self.max_length // KEPT)

    def laid_out(self, piece: Features, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
        """As it is; without a reply nothing carries loss."""
        return piece["input_ids"], piece["label"] or [IGNORED] * len(piece["input_ids"])

    def findings(
        self, rows: Sequence[Row], features: Sequence[Features], tokenizer: PreTrainedTokenizerBase, split: str
    ) -> list[Finding]:
        """What share of the tokens carries loss, and what is cut. Raises DataError where nothing is left to learn."""
        learned = [sum(token != IGNORED for token in piece["label"]) for piece in features]
        tokens = sum(len(piece["input_ids"]) for piece in features)
        values: dict[str, Any] = {"split": split, "of_rows": len(rows), "max_length": self.max_length}
        if not sum(learned):
            raise DataError("nothing_to_learn", split=split, rows=len(rows))
        share = {"learned": sum(learned), "tokens": tokens, "share": sum(learned) / tokens}
        found = [Finding(id="sft_learned", level="note", values=values | share)]
        cut = [piece["lost"] for piece in features if piece["lost"]]
        if cut:
            lost = {"rows": len(cut), "tokens_lost": sum(cut), "unlearned": sum(p["unlearned"] for p in features)}
            found.append(Finding(id="sft_cut", level="warning", values=values | lost))
        if endless := sum(not piece["ended"] for piece in features):
            found.append(Finding(id="sft_endless", level="warning", values=values | {"rows": endless}))
        if nothing := learned.count(0):
            found.append(Finding(id="sft_nothing", level="warning", values=values | {"rows": nothing}))
        if loose := sum(not piece["exact"] for piece in features):
            found.append(Finding(id="sft_boundary", level="warning", values=values | {"rows": loose}))
        return found

    def collate(self, features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> Batch:
        """Beside what every language task has, where replies are to be written, the requests padded on the left: `asked`."""
        batch = super().collate(features, tokenizer)
        if not self.generate and all(piece["label"] is not None for piece in features):
            return batch
        prompts = [newest(piece["input_ids"][: piece["prompt"]], self.room, tokenizer) for piece in features]
        width = max(map(len, prompts))
        pad = tokenizer.pad_token_id
        batch["asked"] = torch.tensor([[pad] * (width - len(ids)) + ids for ids in prompts])
        batch["asked_mask"] = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
        return batch

    def answer(
        self, model: PreTrainedModel, batch: Batch, tokenizer: PreTrainedTokenizerBase
    ) -> tuple[list[Any], float | None]:
        """How well each reply was foreseen; and the reply written, where that is asked for or there is none."""
        known = bool((batch["label"] != IGNORED).any())
        counted, loss = self.foretell(model, batch, tokenizer) if known else ([None] * len(batch["asked"]), None)
        if "asked" not in batch:
            return counted, loss
        inputs = {"input_ids": batch["asked"], "attention_mask": batch["asked_mask"]}
        assert self.max_length is not None, "the plan fills it in"
        most = self.max_length - self.room  # beyond it the model may have no positions
        replies = write(model, tokenizer, inputs, most_tokens=most, beams=1, length_penalty=1.0)
        return [Replied(*each) for each in zip(counted, replies, strict=True)], loss

    # --- the answers

    def decode(self, said: Said) -> list[Prediction]:
        """The reply, where one was written, else the perplexity of the one that was given."""
        return [_prediction(kept) for kept in said.outputs]  # one piece a row

    def foreseen(self, row: Row, prediction: Prediction) -> Foreseen:
        """The tokens of the replies; their bytes say nothing, for the end tokens are among them."""
        return Foreseen(**{name: prediction.details[name] for name in ("nats", "tokens", "right")})

    def metrics(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> dict[str, float]:
        """Perplexity and token accuracy of the replies, and the scores of those written."""
        found = super().metrics(rows, predictions)
        return found | (text_metrics(references(rows), said(predictions)) if _all_written(predictions) else {})

    def score(
        self, rows: Sequence[Row], predictions: Sequence[Prediction], confidence: float, resamples: int
    ) -> Scores:
        """The same with intervals."""
        found = super().score(rows, predictions, confidence, resamples)
        if not _all_written(predictions):
            return found
        return found | text_scores(references(rows), said(predictions), confidence=confidence, resamples=resamples)

    def scored_by(self, rows: Sequence[Row]) -> Finding:
        """What is counted; of written replies also how sacrebleu says it."""
        template = "from a file" if "{" in (self.chat_template or "") else str(self.chat_template)
        if not self.generate:
            return Finding(id="scored_replies", level="note", values={"template": template})
        of = references(rows)
        values = {"template": template, "bleu": bleu_signature(of), "chrf": chrf_signature(of)}
        return Finding(id="scored_written", level="note", values=values)


def _prediction(kept: Replied | Tensor) -> Prediction:
    counted = kept.counted if isinstance(kept, Replied) else kept
    details: dict[str, Any] = {}
    if counted is not None:
        nats, tokens, right = counted.tolist()
        details = {"nats": nats, "tokens": int(tokens), "right": int(right)}
    if isinstance(kept, Replied):
        return Prediction(kept.reply.text, {}, details | ({} if kept.reply.finished else {"unfinished": True}))
    return Prediction(float(np.exp(min(details["nats"] / max(details["tokens"], 1), 700.0))), {}, details)


def _all_written(predictions: Sequence[Prediction]) -> bool:
    return all(isinstance(one.label, str) for one in predictions)
