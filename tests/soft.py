"""What is learned before the input, tried in use: batches of unequal rows, and texts written token by token."""

from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from models import EOS, PAD

LENGTHS = (7, 4, 6)
NEW = 6


def rows() -> list[Tensor]:
    """Token ids of rows of unequal lengths, (1, n) each, with one end token at the end."""
    generator = torch.Generator().manual_seed(3)
    made = [torch.randint(5, 500, (1, length), generator=generator) for length in LENGTHS]
    for row in made:
        row[0, -1] = EOS
    return made


def padded(texts: list[Tensor], side: str) -> dict[str, Tensor]:
    """The rows as one batch, padded on one side."""
    longest = max(row.shape[1] for row in texts)
    ids, mask = torch.full((len(texts), longest), PAD), torch.zeros(len(texts), longest, dtype=torch.long)
    for index, row in enumerate(texts):
        at = slice(longest - row.shape[1], None) if side == "left" else slice(row.shape[1])
        ids[index, at], mask[index, at] = row[0], 1
    return {"input_ids": ids, "attention_mask": mask}


def positions(mask: Tensor) -> dict[str, Tensor]:
    """Positions that count no padding, as decoders take them for rows padded on the left."""
    return {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}


def token_logits(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """(tokens of all rows, k): everything the model says of each token that is not padding."""
    with torch.no_grad():
        said = model(**batch)
    found = [value for name, value in said.items() if name.endswith("logits")]
    found = [each if each.dim() == 3 else each[..., None] for each in found] or [said.last_hidden_state]
    return torch.cat(found, dim=-1)[batch["attention_mask"].bool()]


def greedy(model: PreTrainedModel, batch: dict[str, Tensor], *, cache: bool, beams: int = 1) -> list[list[int]]:
    """What `generate` writes behind each row; no token ends it."""
    model.generation_config = GenerationConfig(
        max_new_tokens=NEW,
        do_sample=False,
        num_beams=beams,
        use_cache=cache,
        pad_token_id=PAD,
        decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None),
    )
    written: Tensor = model.generate(**batch)  # pyright: ignore
    return written[:, -NEW:].tolist()
