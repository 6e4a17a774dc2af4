"""The models: real weights where they are at hand, else random ones of the real shape, with a tokenizer of made-up words.

Importing this loads neither torch nor transformers, whose time is a contender's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

WORDS = 4000
"""Made-up words of a random model's tokenizer. Its embeddings have as many rows as the real model's."""


@dataclass(frozen=True)
class Shape:
    """One model, and what is learned with it."""

    task: str
    """Name of the task in fewtune."""
    auto_class: str
    """The class of transformers that all contenders load."""
    targets: tuple[str, ...]
    """What peft calls the query and value layers."""
    head: tuple[str, ...]
    """Modules that learn beside LoRA and alone under `head`."""
    around: tuple[str, ...]
    """What the tokenizer puts before and behind a text; `$` stands for the text."""
    sdpa: bool = True
    """Whether transformers can be asked to attend with torch's fused kernel; DeBERTa attends in its own code."""
    config: tuple[str, dict[str, Any]] | None = None
    """Class of transformers and its options, of random weights; None: real ones."""

    @property
    def writes(self) -> bool:
        """Whether the output layer is the vocabulary."""
        return self.task != "classification"


def _classifier(kind: str, options: dict[str, Any], targets: tuple[str, ...], *, sdpa: bool = True) -> Shape:
    return Shape(
        task="classification",
        auto_class="AutoModelForSequenceClassification",
        targets=targets,
        head=("pooler", "classifier"),
        around=("[CLS]", "$", "[SEP]"),
        sdpa=sdpa,
        config=(kind, options),
    )


def _bert(**options: Any) -> Shape:
    return _classifier("BertConfig", options, ("query", "value"))


def _deberta(**options: Any) -> Shape:
    return _classifier("DebertaV2Config", options, ("query_proj", "value_proj"), sdpa=False)


def _t5(**options: Any) -> Shape:
    return Shape(
        task="seq2seq",
        auto_class="AutoModelForSeq2SeqLM",
        targets=("q", "v"),
        head=("lm_head",),
        around=("$", "[EOS]"),
        config=("T5Config", {"decoder_start_token_id": 0, "pad_token_id": 0} | options),
    )


def _qwen(**options: Any) -> Shape:
    return Shape(
        task="language_modeling",
        auto_class="AutoModelForCausalLM",
        targets=("q_proj", "v_proj"),
        head=("lm_head",),
        around=("[BOS]", "$", "[EOS]"),
        config=("Qwen3Config", {"pad_token_id": 0, "tie_word_embeddings": True} | options),
    )


_TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
_QWEN = {
    "hidden_size": 512,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "intermediate_size": 2048,
}
_DEBERTA_V3 = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
}
SHAPES: dict[str, Shape] = {
    "minilm": Shape(**(vars(_bert()) | {"config": None})),
    "bert-base": _bert(),
    "t5-small": _t5(),
    "qwen": _qwen(**_QWEN, vocab_size=151_936),
    "qwen-32k": _qwen(**_QWEN, vocab_size=32_000),
    "deberta-base": _deberta(
        **_DEBERTA_V3,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        position_buckets=256,
        vocab_size=128_100,
        pad_token_id=0,
    ),
    "tiny": _bert(**_TINY, vocab_size=WORDS + 8),
    "tiny-t5": _t5(d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=WORDS + 8),
    "tiny-qwen": _qwen(**_TINY, num_key_value_heads=2, head_dim=8, vocab_size=WORDS + 8),
}


def write_model(name: str, folder: Path, dropout: float) -> list[str]:
    """Save the model and its tokenizer; returns words each of which is one token.

    A classifier is saved without its head, which every contender then draws from the same seed.
    """
    import torch
    import transformers

    shape = SHAPES[name]
    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    if shape.config is None:
        from fewtune.model.find import find_model

        origin = find_model(name).folder
        tokenizer = transformers.AutoTokenizer.from_pretrained(origin)
        config = transformers.AutoConfig.from_pretrained(origin)
        model = transformers.AutoModel.from_pretrained(origin, config=_with_dropout(config, dropout))
        words = [word for word in sorted(tokenizer.get_vocab()) if word.isascii() and word.isalpha() and len(word) > 3]
    else:
        words = [f"w{index}" for index in range(WORDS)]
        tokenizer = _tokenizer(words, shape.around)
        kind, options = shape.config
        config = _with_dropout(getattr(transformers, kind)(**options), dropout)
        model = _random(shape, config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformers.utils.logging.enable_progress_bar()
    return words


def _random(shape: Shape, config: PreTrainedConfig) -> PreTrainedModel:
    import torch
    import transformers

    kind = shape.auto_class if shape.writes else "AutoModel"
    return getattr(transformers, kind).from_config(config, dtype=torch.float32)


def _with_dropout(config: PreTrainedConfig, dropout: float) -> PreTrainedConfig:
    """Where the architecture was made with dropout (Qwen was not)."""
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout_rate"):
        if hasattr(config, name):
            setattr(config, name, dropout)
    return config


def _tokenizer(words: list[str], around: tuple[str, ...]) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", *(part for part in around if part != "$")]
    made = Tokenizer(WordLevel({word: id for id, word in enumerate([*special, *words])}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single=" ".join("$A" if part == "$" else part for part in around),
        special_tokens=[(part, special.index(part)) for part in special],
    )
    names = {"[CLS]": "cls_token", "[SEP]": "sep_token", "[BOS]": "bos_token", "[EOS]": "eos_token"}
    tokens = {names[part]: part for part in around if part != "$"}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", model_max_length=512, **tokens
    )
