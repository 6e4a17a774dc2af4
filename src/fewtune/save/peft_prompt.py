"""PEFT's soft prompts and prefixes, written and read, where PEFT computes what we do.

`adapter_model.safetensors` holds `prompt_embeddings`, of a prompt (p, d) and of a prefix (p, layers × 2 × heads × d), keys before
values, and whole modules that were trained as `base_model.<path>.<parameter>`.

PEFT gives the head of a classifier the prompt's first position (BERT) or, in a padded batch, padding (GPT-2), so a prompt trained
there means something else here: it is neither written nor read. A prefix PEFT feeds in as a cache, so it can for models that take
one, and of an encoder-decoder only the decoder's own attention gets it: what was learned for all attentions it cannot hold.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from fewtune.adapted import Adapted, edited, modules_of
from fewtune.errors import FormatError, MethodError
from fewtune.methods.prefix_tuning import PrefixTuning
from fewtune.methods.prompt_tuning import PromptTuning
from fewtune.model.anatomy import Anatomy
from fewtune.model.attentions import attentions
from fewtune.model.edits import Prepend, Train
from fewtune.model.find import Origin
from fewtune.model.prepend import takes
from fewtune.save._files import write_files
from fewtune.save._peft import CONFIG, WEIGHTS, check_direct, is_type, read

PREFIX = "base_model."
EMBEDDINGS = "prompt_embeddings"
TASKS = {
    "PROMPT_TUNING": ("CAUSAL_LM", "SEQ_2_SEQ_LM", "TOKEN_CLS", "QUESTION_ANS"),
    "PREFIX_TUNING": ("CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"),
}
"""Tasks of PEFT in which it computes the same."""
_UNDERSTOOD = """
    peft_type task_type base_model_name_or_path revision num_virtual_tokens token_dim num_transformer_submodules num_attention_heads
    num_layers modules_to_save inference_mode auto_mapping peft_version prompt_tuning_init prompt_tuning_init_text
    tokenizer_name_or_path tokenizer_kwargs prompt_tuning_init_state_dict_path prefix_projection encoder_hidden_size init_weights
"""


def holds(adapted: Adapted, task_type: str | None) -> bool:
    """Whether PEFT's form can be loaded in PEFT with equal outputs, of the same shapes."""
    if task_type not in (adapted.method.peft_tasks or ()):
        return False
    return isinstance(adapted.method, PromptTuning) or _takes_a_cache(Anatomy(adapted.model))


def save(adapted: Adapted, folder: Path, origin: Origin, task_type: str | None) -> None:
    """Write what stands before the text, and the modules trained beside it, into `folder`, which exists."""
    kept, direct = adapted.lasting(), adapted.directly()
    learned = [tensor for name, tensor in kept.items() if name not in direct]
    config: dict[str, Any] = {"peft_type": adapted.method.peft_type, "task_type": task_type}
    if isinstance(adapted.method, PromptTuning):
        (embeddings,) = learned
        sizes = {"token_dim": embeddings.shape[1], "num_attention_heads": adapted.model.config.num_attention_heads}
        layers, more = adapted.model.config.num_hidden_layers, {"prompt_tuning_init": "RANDOM"}
    else:
        heads, tokens, size = learned[0].shape
        embeddings = torch.stack(learned).permute(2, 0, 1, 3).reshape(tokens, -1)  # (2 layers, heads, p, d) before
        sizes = {"token_dim": heads * size, "num_attention_heads": heads}
        layers, more = len(learned) // 2, {"prefix_projection": False, "encoder_hidden_size": heads * size}
    config |= sizes | more
    config |= {
        "base_model_name_or_path": origin.name,
        "revision": origin.revision,
        "num_virtual_tokens": len(embeddings),
        "num_layers": layers,
        "num_transformer_submodules": 1,
        "inference_mode": True,
        "modules_to_save": modules_of(adapted.model, direct) or None,
    }
    tensors = {f"{PREFIX}{path}": parameter.detach() for path, parameter in direct.items()}
    write_files(folder, (CONFIG, WEIGHTS), config, {EMBEDDINGS: embeddings} | tensors)


def load(model: PreTrainedModel, folder: Path) -> Adapted:
    """Put the prompt or prefix in `folder`, ours or PEFT's own, before the input of `model` in place.

    Raises FormatError for a damaged adapter, one for another model, or one whose computation is not ours.
    """
    kind = next(kind for kind in TASKS if is_type(folder, kind))
    config, tensors = read(folder, kind, _UNDERSTOOD)
    if (task := config.get("task_type")) not in TASKS[kind]:
        raise FormatError("adapter_option_unknown", folder=folder, option="task_type", value=task)
    tokens, embeddings = config.get("num_virtual_tokens"), tensors.pop(EMBEDDINGS, None)
    if embeddings is None or not isinstance(tokens, int) or embeddings.dim() != 2 or len(embeddings) < tokens:
        reason = f"{WEIGHTS} holds no {EMBEDDINGS} of {tokens} tokens"
        raise FormatError("adapter_damaged", folder=folder, reason=reason)
    method = PromptTuning(tokens=tokens, start="random") if kind == "PROMPT_TUNING" else PrefixTuning(tokens=tokens)
    try:
        before = [edit for edit in method.edits(Anatomy(model)) if isinstance(edit, Prepend)]
    except MethodError as error:
        raise FormatError("adapter_damaged", folder=folder, reason=error) from None
    # Of an encoder-decoder PEFT keeps as many vectors again, and does not use them.
    learned = _learned(model, folder, [edit.path for edit in before], embeddings[:tokens], kind)
    direct = {re.sub(r"\.modules_to_save(\.default)?\.", ".", k.removeprefix(PREFIX)): t for k, t in tensors.items()}
    check_direct(model, folder, direct)
    adapted = edited(model, method, (*before, *map(Train, direct)))
    adapted.load(learned | direct)
    return adapted


def _learned(
    model: PreTrainedModel, folder: Path, paths: list[str], embeddings: Tensor, kind: str
) -> dict[str, Tensor]:
    """`<path>.<symbol>` → what PEFT's one tensor holds of it."""
    anatomy, other = Anatomy(model), {"folder": folder, "model": type(model).__name__, "path": EMBEDDINGS}
    if kind == "PROMPT_TUNING":
        if embeddings.shape[1] != model.get_input_embeddings().get_parameter("weight").shape[1]:
            raise FormatError("adapter_other_model", **other)
        return {f"{paths[0]}.P": embeddings}
    shapes = {(attention.heads, attention.size) for attention in attentions(anatomy)}
    heads, size = next(iter(shapes))
    if len(shapes) > 1 or embeddings.shape[1] != len(paths) * 2 * heads * size or not _takes_a_cache(anatomy):
        raise FormatError("adapter_other_model", **other)
    pairs = embeddings.view(len(embeddings), len(paths), 2, heads, size).permute(1, 2, 3, 0, 4)
    return {
        f"{path}.{symbol}": pair[i] for path, pair in zip(paths, pairs, strict=True) for i, symbol in enumerate("KV")
    }


def _takes_a_cache(anatomy: Anatomy) -> bool:
    """Whether PEFT can feed a prefix to the model, behind which its text begins."""
    paths = anatomy.readers
    return len(paths) == 1 and takes(anatomy.model.get_submodule(paths[0]), "past_key_values", "position_ids")
