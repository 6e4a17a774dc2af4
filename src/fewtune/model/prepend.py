"""Learned vectors before the input: modules of their own inside the model, which torch's public hooks let it see.

A model keeps its inputs and outputs: what is prepended is added on the way in and taken off again on the way out, so the head
reads the same positions as before, and labels, offsets and generation need to know nothing of it.
"""

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, PreTrainedModel

from fewtune.errors import MethodError
from fewtune.model.adapter import Learned

Arguments = dict[str, Any]


class SoftPrompt(Learned):
    """`X' = [P; X]`: P (p, d) learned in fp32, before the embedded tokens X (n, d) of every row.

    The p positions are always visible and count as positions of the text. Padding on the left stays before them, so that nothing
    stands between prompt and text. With a cache they are put before the first tokens only.
    """

    def __init__(self, start: Tensor, first_position: int | None) -> None:
        super().__init__()
        self.P = nn.Parameter(start.detach().to(torch.float32, copy=True))
        self.first_position = first_position

    def attach(self, reader: nn.Module, decoder: nn.Module | None) -> None:
        """Stand before the input of `reader`; `decoder` reads what it gives, the prompt's positions among it."""
        reader.register_forward_pre_hook(self.before, with_kwargs=True)
        if decoder is not None:
            decoder.register_forward_pre_hook(self.before_decoder, with_kwargs=True)
            return
        reader.register_forward_hook(self.behind, with_kwargs=True)
        if isinstance(pooler := getattr(reader, "pooler", None), nn.Module):
            pooler.register_forward_pre_hook(self.before_pooler)

    def before(self, reader: PreTrainedModel, args: tuple[Any, ...], kwargs: Arguments) -> tuple[tuple[()], Arguments]:
        """The arguments of the reader with the prompt in them."""
        given = named(reader, args, kwargs)
        p, before = len(self.P), seen(given)
        if (mask := given.get("attention_mask")) is not None:
            if not isinstance(mask, Tensor) or mask.dim() != 2:
                raise MethodError("prompt_mask")
            given["attention_mask"] = _put(mask.new_ones(p), mask, mask)
        if (positions := self._positions(given, mask, first=before == 0)) is not None:
            given["position_ids"] = positions
        if before == 0:
            text = given.get("inputs_embeds")
            text = reader.get_input_embeddings()(given["input_ids"]) if text is None else text
            given |= {"input_ids": None, "inputs_embeds": _put(self.P.to(text.dtype), text, mask)}
            if (kinds := given.get("token_type_ids")) is not None:
                given["token_type_ids"] = _put(kinds.new_zeros(p), kinds, mask)
        return (), given

    def _positions(self, given: Arguments, mask: Tensor | None, *, first: bool) -> Tensor | None:
        """Of prompt and text, where the model would not find them itself; the text's are moved by p."""
        found, ids = given.get("position_ids"), given.get("input_ids")
        if found is None and self.first_position is not None and ids is not None:
            # RoBERTa and its kin count the tokens that are not padding.
            text = ids.ne(self.first_position - 1).long()
            found = text.cumsum(1) * text + self.first_position - 1
        if found is None or not first:
            return None if found is None else found + len(self.P)
        prompt = torch.arange(len(self.P), device=found.device) + (self.first_position or 0)
        return _put(prompt, found + len(self.P), mask)

    def behind(self, reader: nn.Module, args: tuple[Any, ...], kwargs: Arguments, output: Any) -> Any:
        """The reader's output without the prompt's positions."""
        embedded, cache = kwargs.get("inputs_embeds"), kwargs.get("past_key_values")
        if embedded is None or (isinstance(cache, Cache) and int(cache.get_seq_length()) > embedded.shape[1]):
            return output  # the prompt came with tokens before these
        p, mask = len(self.P), kwargs.get("attention_mask")
        if isinstance(output, tuple):
            return (_taken(p, output[0], mask), *output[1:])
        output.last_hidden_state = _taken(p, output.last_hidden_state, mask)
        if output.get("hidden_states") is not None:
            output.hidden_states = tuple(_taken(p, each, mask) for each in output.hidden_states)
        return output

    def before_pooler(self, pooler: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The pooler inside a body reads the first token of the text, not of the prompt."""
        return (args[0][:, len(self.P) :], *args[1:])

    def before_decoder(
        self, decoder: nn.Module, args: tuple[Any, ...], kwargs: Arguments
    ) -> tuple[tuple[()], Arguments]:
        """The mask over what the decoder reads of the encoder covers the prompt too."""
        given = named(decoder, args, kwargs)
        if (mask := given.get("encoder_attention_mask")) is not None:
            given["encoder_attention_mask"] = _put(mask.new_ones(len(self.P)), mask, mask)
        return (), given

    def tensors(self) -> dict[str, Tensor]:
        """`{"P": (p, d)}`."""
        return {"P": self.P.detach()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over P."""
        if set(tensors) != {"P"} or tensors["P"].shape != self.P.shape:
            found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
            raise ValueError(f"expected P {tuple(self.P.shape)}, got {found}")
        self.tensors()["P"].copy_(tensors["P"])

    def extra_repr(self) -> str:
        """How many tokens, for `print(model)`."""
        return f"tokens={len(self.P)}"


def named(module: nn.Module, args: tuple[Any, ...], kwargs: Arguments) -> Arguments:
    """All arguments of a call by their names."""
    return dict(zip(inspect.signature(module.forward).parameters, args, strict=False)) | kwargs


def takes(module: nn.Module, *names: str) -> bool:
    """Whether the module's forward has arguments of these names."""
    return set(names) <= set(inspect.signature(module.forward).parameters)


def _put(prompt: Tensor, text: Tensor, mask: Tensor | None) -> Tensor:
    """`prompt` (p, …) before each row of `text` (rows, n, …), behind the padding that `mask` (rows, n) shows on its left."""
    joined = torch.cat([prompt.expand(len(text), *prompt.shape), text], dim=1)
    if mask is None:
        return joined
    p, left, at = len(prompt), padding(mask), torch.arange(joined.shape[1], device=text.device)[None]
    return _rows(joined, torch.where(at < left, at + p, torch.where(at < left + p, at - left, at)))


def _taken(p: int, both: Tensor, mask: Tensor | None) -> Tensor:
    """The text out of what `_put` made; `mask` is that of prompt and text."""
    if mask is None:
        return both[:, p:]
    at = torch.arange(both.shape[1] - p, device=both.device)[None]
    return _rows(both, torch.where(at < padding(mask), at, at + p))


def padding(mask: Tensor) -> Tensor:
    """How many positions on the left are padding, (rows, 1)."""
    return (mask.cumsum(1) == 0).sum(1, keepdim=True)


def _rows(tensor: Tensor, order: Tensor) -> Tensor:
    """Of each row the positions in `order` (rows, k)."""
    return tensor[torch.arange(len(tensor), device=tensor.device)[:, None], order]


def seen(given: Arguments) -> int:
    """Positions in the cache so far."""
    cache = given.get("past_key_values")
    return int(cache.get_seq_length()) if isinstance(cache, Cache) else 0
