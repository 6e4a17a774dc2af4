"""Tiny random models of many architectures, batches and tokenizers for them. Nothing is downloaded.

The models are initialised wide (standard deviation 0.2, biases and norms included): with the usual 0.02 a forgotten mask
or bias moves the logits by 1e-6, and every comparison passes.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from torch import Tensor
from transformers import (
    AutoModel,
    BartConfig,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    GemmaConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    ModernBertConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    RobertaConfig,
    T5Config,
    ViTConfig,
    WhisperConfig,
)

WIDTH, BLOCKS, HEADS, INNER = 32, 2, 4, 48
POSITIONS = 64
"""Longest input in tokens of every architecture but T5, whose positions are relative."""
PIXELS, MELS, FRAMES = 16, 8, 32
"""Sides of an image; bands and length of a sound's spectrogram."""
UNK, PAD, CLS, SEP, EOS = range(5)
"""Ids of the special tokens, for all architectures; padding is not 0, so that a forgotten `pad_token_id` shows."""
SPECIAL = ("<unk>", "<pad>", "<cls>", "<sep>", "</s>")
VOCABULARY = 512
LABELS = ("negative", "neutral", "positive")

_IDS = {"pad_token_id": PAD, "bos_token_id": CLS, "eos_token_id": EOS}
_BERT = {
    "hidden_size": WIDTH,
    "num_hidden_layers": BLOCKS,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": POSITIONS,
} | _IDS
_TWO_STACKS = {
    "d_model": WIDTH,
    "encoder_layers": BLOCKS,
    "decoder_layers": BLOCKS,
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS,
    "encoder_ffn_dim": INNER,
    "decoder_ffn_dim": INNER,
    "vocab_size": VOCABULARY,
    # As BART was trained: its decoder starts with the end token, and every text begins with <cls>.
    "decoder_start_token_id": EOS,
} | _IDS
_T5 = {
    "d_model": WIDTH,
    "d_kv": WIDTH // HEADS,
    "d_ff": INNER,
    "num_layers": BLOCKS,
    "num_decoder_layers": BLOCKS,
    "num_heads": HEADS,
    "vocab_size": VOCABULARY,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 16,
    "decoder_start_token_id": PAD,
} | _IDS
_GPT2 = {
    "n_embd": WIDTH,
    "n_layer": BLOCKS,
    "n_head": HEADS,
    "n_inner": INNER,
    "n_positions": POSITIONS,
    "vocab_size": VOCABULARY,
}
_DEBERTA = {
    "type_vocab_size": 2,
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "share_att_key": True,
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
}
_GROUPED = {"num_key_value_heads": HEADS // 2}

# Architecture → (config class, its options, names of its options for dropout)
_CONFIGS: dict[str, tuple[Callable[..., PreTrainedConfig], dict[str, Any], tuple[str, ...]]] = {
    "bert": (BertConfig, _BERT, ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")),
    "roberta": (
        RobertaConfig,
        # Positions are counted from behind the padding index.
        _BERT | {"type_vocab_size": 1, "max_position_embeddings": POSITIONS + PAD + 1},
        ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"),
    ),
    "deberta_v2": (
        DebertaV2Config,
        _BERT | _DEBERTA,
        ("hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout", "cls_dropout"),
    ),
    "modernbert": (
        ModernBertConfig,
        # A window shorter than the batches, so that local and global attention differ.
        _BERT | {"cls_token_id": CLS, "sep_token_id": SEP, "local_attention": 6, "global_attn_every_n_layers": 2},
        ("embedding_dropout", "mlp_dropout", "attention_dropout", "classifier_dropout"),
    ),
    "gpt2": (GPT2Config, _GPT2 | _IDS, ("resid_pdrop", "embd_pdrop", "attn_pdrop")),
    "llama": (LlamaConfig, _BERT | _GROUPED, ("attention_dropout",)),
    "qwen2": (Qwen2Config, _BERT | _GROUPED, ("attention_dropout",)),
    "qwen3": (Qwen3Config, _BERT | _GROUPED | {"head_dim": WIDTH // HEADS}, ("attention_dropout",)),
    "t5": (T5Config, _T5 | {"feed_forward_proj": "relu"}, ("dropout_rate", "classifier_dropout")),
    "t5_gated": (T5Config, _T5 | {"feed_forward_proj": "gated-gelu"}, ("dropout_rate", "classifier_dropout")),
}

ARCHITECTURES: tuple[str, ...] = tuple(_CONFIGS)
"""Those that most tests go through; every method is proved on SHAPES."""
_CONFIGS["bart"] = (
    BartConfig,
    _TWO_STACKS | {"max_position_embeddings": POSITIONS, "forced_eos_token_id": EOS},
    ("dropout", "attention_dropout", "activation_dropout", "classifier_dropout"),
)
_CONFIGS["distilbert"] = (
    DistilBertConfig,
    {
        "dim": WIDTH,
        "n_layers": BLOCKS,
        "n_heads": HEADS,
        "hidden_dim": INNER,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": POSITIONS,
    }
    | _IDS,
    ("dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"),
)
_CONFIGS["gemma"] = (GemmaConfig, _BERT | _GROUPED | {"head_dim": WIDTH // HEADS}, ("attention_dropout",))
_CONFIGS["gpt_neox"] = (GPTNeoXConfig, _BERT, ("hidden_dropout", "attention_dropout", "classifier_dropout"))
ALL_ARCHITECTURES: tuple[str, ...] = tuple(_CONFIGS)
"""Those that every task is proved on: all that read texts."""
_CONFIGS["vit"] = (
    ViTConfig,
    {
        "hidden_size": WIDTH,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "image_size": PIXELS,
        "patch_size": PIXELS // 2,
    },
    ("hidden_dropout_prob", "attention_probs_dropout_prob"),
)
_CONFIGS["whisper"] = (
    WhisperConfig,
    _TWO_STACKS
    | {"num_mel_bins": MELS, "max_source_positions": FRAMES // 2, "max_target_positions": POSITIONS}
    | {"classifier_proj_size": WIDTH // 2},
    ("dropout", "attention_dropout", "activation_dropout"),
)


@dataclass(frozen=True)
class Shape:
    """An architecture with a head, as a method meets it."""

    architecture: str
    head: str = "AutoModelForSequenceClassification"

    def model(self) -> PreTrainedModel:
        """A model of its own, equal at each call."""
        return tiny_model(self.architecture, head=self.head)

    def batch(self) -> dict[str, Tensor]:
        """Inputs and labels for it."""
        return tiny_batch(self.architecture, head=self.head)


SHAPES: dict[str, Shape] = {name: Shape(name) for name in ALL_ARCHITECTURES} | {
    "vit": Shape("vit", "AutoModelForImageClassification"),
    "whisper": Shape("whisper", "AutoModelForAudioClassification"),
    # Language models, whose output layer is the embedding: tied.
    "bert_lm": Shape("bert", "AutoModelForMaskedLM"),
    "gpt2_lm": Shape("gpt2", "AutoModelForCausalLM"),
    "gemma_lm": Shape("gemma", "AutoModelForCausalLM"),
    "t5_gated_lm": Shape("t5_gated", "AutoModelForSeq2SeqLM"),
    "bart_lm": Shape("bart", "AutoModelForSeq2SeqLM"),
    "whisper_lm": Shape("whisper", "AutoModelForSpeechSeq2Seq"),
}
"""Those that every method is proved on: all architectures as classifiers, some as language models."""
DECODERS: tuple[str, ...] = ("gpt2", "llama", "qwen2", "qwen3")
"""Those that write on."""
MASKED: tuple[str, ...] = ("bert", "roberta", "modernbert", "deberta_v2")
"""Those that fill gaps."""
WRITERS: tuple[str, ...] = ("t5", "t5_gated", "bart")
"""Encoder-decoders, which write texts."""


def tiny_config(architecture: str, *, labels: int = 3, dropout: float = 0.0) -> PreTrainedConfig:
    """The config of `tiny_model`."""
    kind, options, dropouts = _CONFIGS[architecture]
    return kind(**options, **dict.fromkeys(dropouts, dropout), num_labels=labels)


def tiny_model(
    architecture: str,
    *,
    head: str = "AutoModelForSequenceClassification",
    labels: int = 3,
    dropout: float = 0.0,
    seed: int = 0,
) -> PreTrainedModel:
    """A model of its own with the head of that transformers class, in evaluation mode; equal arguments, bitwise equal models."""
    return deepcopy(_prototype(architecture, head, labels, dropout, seed))


@cache
def _prototype(architecture: str, head: str, labels: int, dropout: float, seed: int) -> PreTrainedModel:
    with torch.random.fork_rng():
        model = getattr(transformers, head).from_config(tiny_config(architecture, labels=labels, dropout=dropout))
        widen(model, seed)
    return model.eval()


def widen(model: torch.nn.Module, seed: int = 0, std: float = 0.2) -> None:
    """Draw every parameter from N(0, std²), those of norms around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            norm = "norm" in name.lower() or ".ln_" in name
            centre = float(norm and name.endswith("weight"))
            parameter.copy_(centre + std * torch.randn(parameter.shape, generator=generator))


def tiny_batch(
    architecture: str, rows: int = 4, seed: int = 0, *, head: str = "AutoModelForSequenceClassification"
) -> dict[str, Tensor]:
    """`input_ids`, `attention_mask` (rows, 12) and `labels` (rows,): ragged lengths from 12 down, padded on the right.

    Every row ends with exactly one end token (T5 reads its sentence there), and padding stands nowhere else. An image is
    `pixel_values`, a sound `input_features`. For the head of a language model `labels` are such texts (rows, 12): those
    read, unless another stack writes them.
    """
    generator = torch.Generator().manual_seed(seed)
    said = {"labels": torch.arange(rows) % len(LABELS)}
    if architecture == "vit":
        return {"pixel_values": torch.randn(rows, 3, PIXELS, PIXELS, generator=generator)} | said
    if architecture == "whisper":
        inputs = {"input_features": torch.randn(rows, MELS, FRAMES, generator=generator)}
    else:
        inputs = _ragged(rows, generator)
    if head.endswith(("LM", "Seq2Seq")):
        text = _ragged(rows, generator) if "Seq2Seq" in head else inputs
        said = {"labels": text["input_ids"].masked_fill(text["attention_mask"] == 0, -100)}
    return inputs | said


def _ragged(rows: int, generator: torch.Generator) -> dict[str, Tensor]:
    lengths = [12 - (3 * row) % 10 for row in range(rows)]
    ids = torch.randint(len(SPECIAL), VOCABULARY, (rows, 12), generator=generator)
    mask = torch.zeros(rows, 12, dtype=torch.long)
    for row, length in enumerate(lengths):
        ids[row, 0], ids[row, length - 1], ids[row, length:] = CLS, EOS, PAD
        mask[row, :length] = 1
    return {"input_ids": ids, "attention_mask": mask}


def inputs_of(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The batch without its labels."""
    return {name: value for name, value in batch.items() if name != "labels"}


def logits(model: PreTrainedModel, batch: dict[str, Tensor]) -> Tensor:
    """(rows, labels), in evaluation mode, without gradients."""
    with torch.no_grad():
        return model.eval()(**inputs_of(batch)).logits


def logits_and_gradients(model: PreTrainedModel, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """In the mode in which the model is: its logits, and by name the gradient of every parameter that gets one."""
    model.zero_grad()
    logits = model(**inputs_of(batch)).logits
    logits.double().pow(2).sum().backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {"logits": logits.detach()} | found


def tiny_tokenizer(architecture: str = "bert") -> PreTrainedTokenizerFast:
    """Byte-level BPE with 512 tokens learned from the bundled messages: no text is unknown, padding on the right.

    BERT-like models get `<cls> text <sep> pair <sep>`, T5 `text </s>`, decoders the text alone.
    """
    tokenizer = Tokenizer.from_str(_trained())
    single, pair = _TEMPLATES.get(architecture.removesuffix("_gated"), _TEMPLATES["bert"])
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=single, pair=pair, special_tokens=list(zip(SPECIAL, range(len(SPECIAL)), strict=True))
            ),
        ]
    )
    kinds = ["token_type_ids"] if architecture in ("bert", "deberta_v2") else []
    unk, pad, cls, sep, eos = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=unk,
        pad_token=pad,
        cls_token=cls,
        sep_token=sep,
        eos_token=eos,
        # A stand-in: no text is unknown, and the vocabulary is full.
        mask_token=unk if architecture in (*MASKED, "distilbert") else None,
        model_max_length=POSITIONS if not architecture.startswith("t5") else int(1e30),
        padding_side="right",
        model_input_names=["input_ids", *kinds, "attention_mask"],
    )


_DECODER = ("$A", "$A $B")
_TEMPLATES = {
    "bert": ("<cls> $A <sep>", "<cls> $A <sep> $B:1 <sep>:1"),
    "t5": ("$A </s>", "$A $B </s>"),
    "bart": ("<cls> $A </s>", "<cls> $A </s> $B </s>"),
    "gpt2": _DECODER,
    "llama": _DECODER,
    "qwen2": _DECODER,
    "qwen3": _DECODER,
    "gemma": _DECODER,
    "gpt_neox": _DECODER,
}


@cache
def _trained() -> str:
    import fewtune.bundled

    texts = (Path(fewtune.bundled.__file__).parent / "messages_en.csv").read_text(encoding="utf-8").splitlines()
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer.to_str()


def write_tiny(
    folder: str | Path,
    architecture: str = "bert",
    labels: tuple[str, ...] | None = None,
    *,
    head: str | None = None,
    seed: int = 0,
) -> Path:
    """A folder that works as `model.name=<folder>`: config, safetensors weights, tokenizer.

    Without `labels` it holds a pre-trained body alone, as BERT on the Hub does; with them a trained classifier; with a `head`
    (`AutoModelForSeq2SeqLM` …) a model that was trained with it.
    """
    folder = Path(folder)
    if head is not None:
        model = tiny_model(architecture, head=head, seed=seed)
    elif labels is None:
        model = AutoModel.from_config(tiny_config(architecture))
        # Narrower than in tests of equality, so that a few steps of training can still turn it.
        widen(model, seed, std=1 / math.sqrt(WIDTH))
    else:
        model = tiny_model(architecture, labels=len(labels), seed=seed)
        model.config.id2label = dict(enumerate(labels))
        model.config.label2id = {label: index for index, label in enumerate(labels)}
    model.save_pretrained(folder)
    tiny_tokenizer(architecture).save_pretrained(folder)
    return folder
