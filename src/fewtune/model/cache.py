"""A cache of keys and values with room for more: what is written goes behind what is there, and that stays where it is.

transformers' own puts both into new memory for every token. Where all heads have keys of their own (GPT-2), and the texts are
long, that is as much to move as the model's weights. Its static cache has room too, but attends to all of it
(docs/decisions/speed-writing.md).
"""

from typing import Any

from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from fewtune.model.prepend import takes

STEP, SHARE = 64, 4
"""Room is made for so many tokens more, and for a quarter of those that are there."""


class RoomyLayer(DynamicLayer):
    """The keys and values (rows, heads, tokens, size) of one layer; `keys` and `values` are views of the tokens that are there.

    Not for what is differentiated: what a view showed is as it was, but its memory is written to again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rooms: dict[str, Tensor] = {}

    def update(  # pyright: ignore[reportIncompatibleMethodOverride]  the names of transformers 5 differ between versions
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Put (rows, heads, tokens, size) behind the others, and return all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        self.keys = self._behind("keys", self.keys, key_states)
        self.values = self._behind("values", self.values, value_states)
        return self.keys, self.values

    def _behind(self, name: str, there: Tensor, new: Tensor) -> Tensor:
        room, count = self._rooms.get(name), there.shape[-2] if there.numel() else 0
        tokens = count + new.shape[-2]
        # Rows that were put in order, repeated or dropped lie elsewhere.
        if room is None or room.data_ptr() != there.data_ptr() or room.shape[-2] < tokens:
            room = new.new_empty(*new.shape[:-2], tokens + STEP + tokens // SHARE, new.shape[-1])
            if count:
                room[..., :count, :] = there
            self._rooms[name] = room
        room[..., count:tokens, :] = new
        return room[..., :tokens, :]


def roomy_cache(model: PreTrainedModel) -> DynamicCache | None:
    """An empty cache for a decoder, whose layers of full attention have room; None for models that keep something else.

    Encoder-decoders do without: what their decoder has written is short, and what it reads of the encoder does not grow.
    """
    if model.config.is_encoder_decoder or not takes(model, "past_key_values"):
        return None
    cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    if not cache.layers or any(not isinstance(each, DynamicLayer) for each in cache.layers):
        return None
    cache.layers = [RoomyLayer() if type(each) is DynamicLayer else each for each in cache.layers]
    return cache
