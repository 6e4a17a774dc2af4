"""What a model knows of single tokens: whether it has them, and their rows of the embedding, read without the other weights."""

from collections.abc import Iterable, Sequence

from safetensors import safe_open
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fewtune.errors import ModelError
from fewtune.model.base import WEIGHTS
from fewtune.model.find import Origin


def embedding_row(origin: Origin, model: PreTrainedModel, token: int) -> Tensor | None:
    """What the model knows of this token (width,) before it is tuned; None where its weights are not in safetensors.

    `model` may be empty: it says where the embedding stands.
    """
    module = model.get_input_embeddings()
    path = next(f"{name}.weight" for name, each in model.named_modules() if each is module)
    for file in sorted(origin.folder.glob(WEIGHTS)):
        with safe_open(file, framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118  it is no dictionary
                # A checkpoint of the body alone calls it without the name of the body.
                if key == path or path.endswith(f".{key}"):
                    return tensors.get_slice(key)[token]
    return None


def refuse_unknown(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str, texts: Iterable[Sequence[int]]
) -> None:
    """Raises ModelError for a token in these texts, or padding, beyond the embedding, which would end training in the middle."""
    known = getattr(model.get_input_embeddings(), "num_embeddings", None)
    padding: int = tokenizer.pad_token_id  # pyright: ignore[reportAssignmentType]  load_tokenizer sees to it
    highest = max((max(ids, default=0) for ids in texts), default=0)
    if known is not None and (beyond := max(highest, padding)) >= known:
        token = tokenizer.convert_ids_to_tokens(beyond)
        raise ModelError("token_beyond", name=name, token=token, id=beyond, known=known)
