"""Prefix tuning: learned keys and values stand before those of the text in every attention; the model stays as it is.

    y = softmax(Q [K'; K]ᵀ / √d) [V'; V]        K', V' (p × d) learned, for each head of each attention

Li and Liang, Prefix-Tuning: Optimizing Continuous Prompts for Generation, 2021, arXiv 2101.00190, section 4. In every attention,
cross-attention too, as the authors do in BART; Liu et al., P-Tuning v2, 2021, arXiv 2110.07602, took it to classifiers. 2 p d
numbers learn for each key-value head, and the head of the model where that is new.

With `reparameterise` K' and V' come out of a network that all layers share but for its last layer, section 4.3 of the paper:

    [K'; V'] = tanh(E Uᵀ + c) Wᵀ + b        E (p × width), U and c shared, W and b of each layer

The paper found training steadier so; it costs far more memory while training, and after training K' and V' alone are saved.

A text begins at position p, where the model takes its positions as an argument, as in the authors' code and PEFT; T5's relative
positions do not reach the prefix, and BART counts from the text. Without `reparameterise` K' and V' start near zero, where they
only draw some attention away; the authors say that starting from real words works better with few rows, which is not built here.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal, Self

from pydantic import Field
from transformers import PreTrainedModel

from fewtune.errors import MethodError
from fewtune.methods._base import Method, Paper
from fewtune.methods._defaults import HEAD_RATE, epochs_for, rate_for
from fewtune.model.anatomy import Anatomy
from fewtune.model.attentions import Attention, attentions
from fewtune.model.edits import Edit, Prepend, Rate, Train
from fewtune.model.prefix import BASE, NAME, MadePrefix, Prefix, Trunk, attach

RATE = 5e-3
"""See docs/decisions/defaults.md."""
STD = 0.02
TRUNK = "prefix_trunk"


class PrefixTuning(Method):
    """Learned keys and values before those of the text in every attention, and the new head."""

    name: Literal["prefix_tuning"] = "prefix_tuning"
    tokens: int = Field(default=20, ge=1)
    """p, how many keys and values for each head."""
    reparameterise: bool = False
    """Whether a network makes them while training; afterwards it is dropped."""
    hidden: int = Field(default=512, ge=1)
    """Width of that network inside."""

    paper: ClassVar = Paper(
        "Prefix-Tuning: Optimizing Continuous Prompts for Generation", "Li and Liang", 2021, "2101.00190"
    )
    starts_as_base: ClassVar = False
    mergeable: ClassVar = False
    reads_weights: ClassVar = False
    saved_as: ClassVar = "peft"
    peft_type: ClassVar = "PREFIX_TUNING"
    peft_tasks: ClassVar = ("CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS")

    @property
    def positions(self) -> int:
        """p."""
        return self.tokens

    def lasting(self) -> Self:
        """Keys and values themselves."""
        return self.model_copy(update={"reparameterise": False})

    def edits(self, anatomy: Anatomy) -> Iterator[Edit]:
        """A prefix for each attention; train the head."""
        used = anatomy.model.config._attn_implementation
        found = attentions(anatomy)
        if used != BASE or not found:
            raise MethodError("prefix_no_attention", model=anatomy.kind, used=used or "-", needed=BASE)
        if anatomy.positions is not None and self.tokens >= anatomy.positions:
            raise MethodError("prompt_too_long", tokens=self.tokens, model=anatomy.kind, positions=anatomy.positions)
        if self.reparameterise:
            yield Prepend(TRUNK, partial(_trunk, method=self, width=anatomy.width))
        for index, attention in enumerate(found):
            # With the first the model learns where its texts begin.
            texts = (anatomy.readers, anatomy.first_position) if index == 0 else None
            yield Prepend(f"{attention.path}.{NAME}", partial(_prefix, method=self, attention=attention, texts=texts))
        names = list(anatomy.parameters_of(anatomy.top))
        yield from map(Train, names)
        if names and not self.reparameterise:
            yield Rate(rf"^({'|'.join(map(re.escape, anatomy.top))})\.", HEAD_RATE / RATE)

    def default_learning_rate(self, width: int) -> float:
        """Not measured, see docs/decisions/defaults.md; with a network LoRA's, since weights of linear layers learn."""
        return rate_for(width) if self.reparameterise else RATE

    def default_epochs(self, rows: int, labels: int) -> int:
        """See docs/decisions/defaults.md."""
        return epochs_for(rows, labels)


def _trunk(model: PreTrainedModel, method: PrefixTuning, width: int) -> Trunk:
    return Trunk(method.tokens, width, method.hidden, model.device)


def _prefix(
    model: PreTrainedModel,
    method: PrefixTuning,
    attention: Attention,
    texts: tuple[tuple[str, ...], int | None] | None,
) -> Prefix | MadePrefix:
    if texts is not None:
        readers, first_position = texts
        attach(model, readers, method.tokens, first_position)
    if method.reparameterise:
        trunk = model.get_submodule(TRUNK)
        assert isinstance(trunk, Trunk)
        return MadePrefix(attention.heads, method.tokens, attention.size, trunk)
    return Prefix(attention.heads, method.tokens, attention.size, model.device, STD)
