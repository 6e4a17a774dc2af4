"""A llama2.c checkpoint (version 0, float32) as a folder for transformers: a real Llama of a quarter of a million parameters.

    python benchmarks/llama2c.py stories260K.bin tok512.bin OUT

The format is that of github.com/karpathy/llama2.c, export.py `legacy_export` and tokenizer.py `export`. Two things differ from
transformers: queries and keys are rotated in neighbouring pairs rather than halves, so their rows are reordered; and the
tokenizer is a vocabulary with scores, from which the merges of byte-pair encoding follow.

The start token is the end token too: llama2.c parts stories by it alone and stops writing there (run.c). Its token 2, `</s>`, was
never seen in training: its embedding is bit for bit that of some 200 other unseen tokens, so that no method that leaves the
embeddings alone could teach a model to end with it.
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, normalizers, processors
from tokenizers.models import BPE
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

UNKNOWN, START, END = range(3)
SPACE = "▁"


def read_model(path: Path) -> LlamaForCausalLM:
    """The model in fp32. Raises ValueError for a file of another size than its header says."""
    content = path.read_bytes()
    width, inner, layers, heads, groups, vocabulary, positions = struct.unpack("7i", content[:28])
    config = LlamaConfig(
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        vocab_size=abs(vocabulary),
        max_position_embeddings=positions,
        rms_norm_eps=1e-5,
        tie_word_embeddings=vocabulary > 0,
        bos_token_id=START,
        eos_token_id=START,
        pad_token_id=None,
    )
    model = LlamaForCausalLM(config)
    rest = np.frombuffer(content, dtype="<f4", offset=28)
    state = dict(_tensors(rest, config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(state[name])
    return model.eval()


def _tensors(rest: NDArray[np.float32], config: LlamaConfig) -> Iterator[tuple[str, Tensor]]:
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    assert heads and groups and width
    head = width // heads
    at = 0

    def take(*shape: int) -> Tensor:
        nonlocal at
        size = int(np.prod(shape))
        if at + size > len(rest):
            raise ValueError(f"the file ends after {len(rest)} numbers, and {at + size} are needed")
        found = torch.tensor(rest[at : at + size]).view(shape)
        at += size
        return found

    yield "model.embed_tokens.weight", take(config.vocab_size, width)
    for name, *shape in (
        ("input_layernorm", width),
        ("self_attn.q_proj", heads * head, width),
        ("self_attn.k_proj", groups * head, width),
        ("self_attn.v_proj", groups * head, width),
        ("self_attn.o_proj", width, heads * head),
        ("post_attention_layernorm", width),
        ("mlp.gate_proj", inner, width),
        ("mlp.down_proj", width, inner),
        ("mlp.up_proj", inner, width),
    ):
        for layer, tensor in enumerate(take(layers, *shape)):
            rotated = name.endswith(("q_proj", "k_proj"))
            yield f"model.layers.{layer}.{name}.weight", _in_halves(tensor, head) if rotated else tensor
    yield "model.norm.weight", take(width)
    take(2, config.max_position_embeddings, head // 2)  # cosines and sines, which transformers computes
    if not config.tie_word_embeddings:
        yield "lm_head.weight", take(config.vocab_size, width)
    if at != len(rest):
        raise ValueError(f"the file holds {len(rest)} numbers, and its header says {at}")


def _in_halves(weight: Tensor, head: int) -> Tensor:
    """Rows of each head in the order even, odd: what was rotated with its neighbour then is with the other half."""
    return weight.view(-1, head // 2, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def read_tokenizer(path: Path, positions: int) -> PreTrainedTokenizerFast:
    """The tokenizer; it begins every text with the start token, as the model was trained."""
    pieces = [_plain(number, piece) for number, piece in enumerate(_pieces(path.read_bytes()))]
    ids = {piece: number for number, piece in enumerate(pieces)}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in pieces[3:]
        if not piece.startswith("<0x")
        for cut in range(1, len(piece))
        if piece[:cut] in ids and piece[cut:] in ids
    ]
    inside = Tokenizer(BPE(ids, merges, unk_token=pieces[UNKNOWN], fuse_unk=True, byte_fallback=True))
    inside.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    inside.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    start = pieces[START]
    inside.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", pair=f"{start} $A {start} $B", special_tokens=[(start, START)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inside,
        unk_token=pieces[UNKNOWN],
        bos_token=start,
        eos_token=start,
        model_max_length=positions,
        clean_up_tokenization_spaces=False,
    )


def _pieces(content: bytes) -> Iterator[bytes]:
    at = 4  # behind the length of the longest piece; then for each its score, its length and its bytes
    while at < len(content):
        _, length = struct.unpack("<fi", content[at : at + 8])
        yield content[at + 8 : at + 8 + length]
        at += 8 + length


def _plain(number: int, piece: bytes) -> str:
    """As SentencePiece writes it: llama2.c puts line ends around the special tokens, and blanks for `▁`."""
    text = piece.decode("utf-8")
    return text.strip() if number <= END else text.replace(" ", SPACE)


def convert(model: Path, tokenizer: Path, out: Path) -> None:
    """Write the folder."""
    found = read_model(model)
    found.save_pretrained(out)
    read_tokenizer(tokenizer, found.config.max_position_embeddings).save_pretrained(out)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    convert(*map(Path, sys.argv[1:]))
