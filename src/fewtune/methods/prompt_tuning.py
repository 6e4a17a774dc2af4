"""Prompt tuning: learned vectors stand before the embedded tokens of every text; the model stays as it is.

    X' = [P; X]        P (p × d) learned, X (n × d) the embedded tokens of a text, d the width of the embeddings

Lester, Al-Rfou and Constant, The Power of Scale for Parameter-Efficient Prompt Tuning, 2021, arXiv 2104.08691, section 2. p d
numbers learn, and the head where it is new. The paper trains T5 from 60 million to 11 billion parameters, with Adafactor at a rate
of 0.3 for 30,000 steps; the larger the model, the closer it comes to full fine-tuning, and on small ones it stays far behind.
Few rows and AdamW are another setting than the paper's.

The vectors start as rows of the model's own embeddings, drawn at random (`vocabulary`; the paper draws from the 5,000 most common
tokens), as the tokens of a text that is repeated or cut to p (`text`), or drawn from a normal distribution with the mean and
deviation of the embeddings (`random`; the paper takes a uniform one around zero). By section 3.2 of the paper the last is worst.

What the head reads stays the same: a classifier of BERT's kind still reads the first token of the text, and not the first vector
of the prompt, which PEFT gives it. In an encoder-decoder the prompt stands before the encoder's input, and the decoder reads it
too. The prompt takes p of the model's positions. In a packed sequence it would belong to the first text alone, so that is refused.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import HEAD_RATE, epochs_for
from fewtune.model.anatomy import Anatomy
from fewtune.model.edits import Edit, Prepend, Rate, Train
from fewtune.model.prepend import SoftPrompt

RATE = 1e-2
"""Between the 1e-3 and the 3e-2 that others take with AdamW; see docs/decisions/defaults.md."""
Start = Literal["vocabulary", "text", "random"]


class PromptTuning(Method):
    """Learned vectors before the embedded text, and the new head."""

    name: Literal["prompt_tuning"] = "prompt_tuning"
    tokens: int = Field(default=20, ge=1)
    """p, how many vectors."""
    start: Start = "vocabulary"
    """What they start as: `vocabulary` (embeddings of tokens drawn at random), `text` (those of a text's tokens), `random`."""
    words: str | None = None
    """The text of `start=text`, repeated or cut to p tokens: what to do with what follows, in words."""
    ids: tuple[int, ...] = ()
    """The tokens of `text` in this model's vocabulary; found by itself."""

    paper: ClassVar = Paper(
        "The Power of Scale for Parameter-Efficient Prompt Tuning", "Lester, Al-Rfou and Constant", 2021, "2104.08691"
    )
    starts_as_base: ClassVar = False
    mergeable: ClassVar = False
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "PROMPT_TUNING"
    peft_tasks: ClassVar = ("CAUSAL_LM", "SEQ_2_SEQ_LM")
    packs: ClassVar = False

    @property
    def positions(self) -> int:
        """p."""
        return self.tokens

    def read(self, tokenizer: PreTrainedTokenizerBase) -> Self:
        """With the tokens of `text`, repeated or cut to p."""
        if self.start != "text":
            return self
        found = tokenizer.encode(self.words or "", add_special_tokens=False)
        if not found:
            raise MethodError("prompt_no_text", text=self.words or "")
        return self.model_copy(update={"ids": tuple((found * self.tokens)[: self.tokens])})

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """Put the prompt before what reads the text, in an encoder-decoder the encoder; train the head."""
        readers = anatomy.readers
        if len(readers) < len(anatomy.stacks) or not readers:
            raise MethodError("prompt_no_reader", method=self.name, model=anatomy.kind)
        if anatomy.positions is not None and self.tokens >= anatomy.positions:
            raise MethodError("prompt_too_long", tokens=self.tokens, model=anatomy.kind, positions=anatomy.positions)
        if self.start == "text" and len(self.ids) != self.tokens:
            raise MethodError("prompt_unread")
        first = anatomy.first_position
        build = partial(_before, method=self, reader=readers[0], decoder=readers[1:], first_position=first)
        yield Prepend(f"{readers[0]}.prompt".lstrip("."), build)
        names = list(anatomy.parameters_of(anatomy.top))
        yield from map(Train, names)
        if names:  # at the prompt's rate a new head would run away
            yield Rate(rf"^({'|'.join(map(re.escape, anatomy.top))})\.", HEAD_RATE / RATE)

    def default_learning_rate(self, width: int) -> float:
        """Not measured, see docs/decisions/defaults.md."""
        return RATE

    def default_epochs(self, rows: int, labels: int) -> int:
        """Twice as many as the others, since the prompt learns slowly; not measured, see docs/decisions/defaults.md."""
        return 2 * epochs_for(rows, labels)


def _before(
    model: PreTrainedModel, method: PromptTuning, reader: str, decoder: tuple[str, ...], first_position: int | None
) -> SoftPrompt:
    body = model.get_submodule(reader)
    assert isinstance(body, PreTrainedModel)
    prompt = SoftPrompt(_start(method, body.get_input_embeddings().get_parameter("weight")), first_position)
    prompt.attach(body, model.get_submodule(decoder[0]) if decoder else None)
    return prompt


@torch.no_grad()
def _start(method: PromptTuning, embeddings: Tensor) -> Tensor:
    """P at the start, (p, d), from the embeddings (vocabulary, d)."""
    match method.start:
        case "text":
            chosen = torch.tensor(method.ids, device=embeddings.device)
        case "vocabulary":
            chosen = torch.randint(len(embeddings), (method.tokens,), device=embeddings.device)
        case "random":
            drawn = torch.randn(method.tokens, embeddings.shape[1], device=embeddings.device)
            return embeddings.float().mean() + embeddings.float().std() * drawn
    return embeddings[chosen]
