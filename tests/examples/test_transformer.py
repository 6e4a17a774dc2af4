"""The Transformer to read equals torch.nn with the same weights, and BERT's attention; the figures of its page are computed."""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from examples.transformer import (
    DecoderLayer,
    EncoderLayer,
    LoraLinear,
    MultiHeadAttention,
    Transformer,
    attention,
    causal,
    positions,
    with_lora,
)
from fewtune.adapted import adapt
from fewtune.methods.lora import Lora
from models import tiny_batch, tiny_model

D, HEADS, INNER, B, L, S = 16, 4, 24, 3, 5, 7
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def padding() -> Tensor:
    """(B, S), True at tokens: the last ones of the second and third sentence are padding."""
    return torch.arange(S)[None, :] < torch.tensor([S, S - 2, 1])[:, None]


def widened(module: nn.Module) -> nn.Module:
    """Biases and norms too away from where they start."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module.eval()


def copied(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    with torch.no_grad():
        parts = zip(
            (ours.W_q, ours.W_k, ours.W_v), theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True
        )
        for linear, weight, bias in parts:
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        ours.W_o.load_state_dict(theirs.out_proj.state_dict())


def same_layer(ours: EncoderLayer | DecoderLayer, theirs: nn.Module) -> None:
    copied(ours.attention, theirs.self_attn)  # pyright: ignore[reportArgumentType]
    pairs = [(ours.feed_forward.up, theirs.linear1), (ours.feed_forward.down, theirs.linear2)]
    pairs += [(ours.norm_1, theirs.norm1), (ours.norm_2, theirs.norm2)]
    if isinstance(ours, DecoderLayer):
        copied(ours.cross, theirs.multihead_attn)  # pyright: ignore[reportArgumentType]
        pairs.append((ours.norm_3, theirs.norm3))
    for mine, other in pairs:
        mine.load_state_dict(other.state_dict())  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]


@pytest.mark.parametrize("mask", [None, "padding", "causal"])
def test_attention(mask: str | None) -> None:
    Q, K, V = torch.randn(B, HEADS, S, 4), torch.randn(B, HEADS, S, 4), torch.randn(B, HEADS, S, 6)
    allowed = {None: None, "padding": padding()[:, None, None, :], "causal": causal(S)}[mask]
    close(attention(Q, K, V, allowed), F.scaled_dot_product_attention(Q, K, V, attn_mask=allowed))
    if mask == "causal":
        close(attention(Q, K, V, allowed), F.scaled_dot_product_attention(Q, K, V, is_causal=True))


def test_multi_head_attention() -> None:
    theirs = widened(nn.MultiheadAttention(D, HEADS, batch_first=True))
    ours = MultiHeadAttention(D, HEADS)
    copied(ours, theirs)  # pyright: ignore[reportArgumentType]
    x, y = torch.randn(B, S, D), torch.randn(B, L, D)
    close(ours(y, x, padding()[:, None, None, :]), theirs(y, x, x, key_padding_mask=~padding())[0])
    close(ours(x, x, causal(S)), theirs(x, x, x, attn_mask=~causal(S))[0])
    close(ours(y, x), theirs(y, x, x)[0])


def test_encoder_layer() -> None:
    theirs = widened(nn.TransformerEncoderLayer(D, HEADS, INNER, batch_first=True))
    ours = EncoderLayer(D, HEADS, INNER).eval()
    same_layer(ours, theirs)
    x = torch.randn(B, S, D)
    found, expected = ours(x, padding()[:, None, None, :]), theirs(x, src_key_padding_mask=~padding())
    close(found[padding()], expected[padding()])  # what torch gives at padding, nobody reads


def test_decoder_layer() -> None:
    theirs = widened(nn.TransformerDecoderLayer(D, HEADS, INNER, batch_first=True))
    ours = DecoderLayer(D, HEADS, INNER).eval()
    same_layer(ours, theirs)
    y, x = torch.randn(B, L, D), torch.randn(B, S, D)
    expected = theirs(y, x, tgt_mask=~causal(L), memory_key_padding_mask=~padding())
    close(ours(y, x, causal(L), padding()[:, None, None, :]), expected)


def test_positions_by_the_formula() -> None:
    found = positions(50, D)
    for i in range(50):
        for k in range(D // 2):
            angle = i / 10000 ** (2 * k / D)
            assert found[i, 2 * k] == pytest.approx(math.sin(angle), abs=1e-5)
            assert found[i, 2 * k + 1] == pytest.approx(math.cos(angle), abs=1e-5)


def test_the_whole_is_its_layers_one_after_another() -> None:
    """torch.nn.Transformer without its last norms, which the paper does not have, between our embedding and our output."""
    ours = widened(Transformer(30, D, HEADS, INNER, layers=2))
    assert isinstance(ours, Transformer)
    theirs = widened(nn.Transformer(D, HEADS, 2, 2, INNER, batch_first=True))
    theirs.encoder.norm = theirs.decoder.norm = None
    for stack, other in ((ours.encoder, theirs.encoder.layers), (ours.decoder, theirs.decoder.layers)):
        for mine, layer in zip(stack, other, strict=True):  # pyright: ignore[reportArgumentType]
            same_layer(mine, layer)  # pyright: ignore[reportArgumentType]
    source, target = torch.randint(30, (B, S)), torch.randint(30, (B, L))
    x = ours.embedding(source) * math.sqrt(D) + positions(S, D)
    y = ours.embedding(target) * math.sqrt(D) + positions(L, D)
    hidden = ~padding()
    out = theirs(x, y, tgt_mask=~causal(L), src_key_padding_mask=hidden, memory_key_padding_mask=hidden)
    # Two layers and the output add up more rounding than one layer does.
    torch.testing.assert_close(ours(source, target, padding()), out @ ours.embedding.weight.T, rtol=1e-4, atol=1e-5)


def test_nobody_sees_what_is_not_written_yet_or_padding() -> None:
    model = Transformer(30, D, HEADS, INNER, layers=2).eval()
    source, target = torch.randint(30, (B, S)), torch.randint(30, (B, L))
    before = model(source, target, padding())
    later = torch.cat([target[:, :3], (target[:, 3:] + 1) % 30], dim=1)
    close(model(source, later, padding())[:, :3], before[:, :3])
    assert not torch.allclose(model(source, later, padding())[:, 3:], before[:, 3:])
    close(model(torch.where(padding(), source, (source + 1) % 30), target, padding()), before)


def test_the_attention_in_bert() -> None:
    bert = tiny_model("bert").get_submodule("bert")
    batch = tiny_batch("bert")
    block = bert.encoder.layer[0].attention  # pyright: ignore[reportAttributeAccessIssue, reportIndexIssue, reportOptionalSubscript]
    ours = MultiHeadAttention(32, 4)
    pairs = (
        (ours.W_q, block.self.query),
        (ours.W_k, block.self.key),
        (ours.W_v, block.self.value),
        (ours.W_o, block.output.dense),
    )
    for mine, theirs in pairs:
        mine.load_state_dict(theirs.state_dict())
    seen: dict[str, Tensor] = {}
    block.output.dense.register_forward_hook(lambda module, given, out: seen.update(out=out))
    block.register_forward_pre_hook(lambda module, given, named: seen.update(x=given[0]), with_kwargs=True)
    with torch.no_grad():
        bert(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        mask = batch["attention_mask"].bool()
        found = ours(seen["x"], seen["x"], mask[:, None, None, :])
    torch.testing.assert_close(found[mask], seen["out"][mask], rtol=1e-4, atol=1e-4)


def test_lora_is_ours_and_a_sum_of_matrices() -> None:
    base = widened(nn.Linear(D, INNER))
    assert isinstance(base, nn.Linear)
    layer = LoraLinear(base, rank=3, alpha=6)
    x = torch.randn(B, D)
    close(layer(x), base(x))
    with torch.no_grad():
        layer.B.normal_()
    close(layer(x), F.linear(x, base.weight + 2 * layer.B @ layer.A, base.bias))

    adapted = adapt(tiny_model("bert"), Lora(rank=3, alpha=6, targets=("query",)))
    path, ours = next(iter(adapted.layers().items()))
    theirs = LoraLinear(adapted.model.get_submodule(path).base, rank=3, alpha=6)  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        ours.B.normal_()
        theirs.A.copy_(ours.A)
        theirs.B.copy_(ours.B)
    x = torch.randn(B, 32)
    close(theirs(x), adapted.model.get_submodule(path)(x))


def test_only_a_and_b_learn() -> None:
    layer = with_lora(EncoderLayer(D, HEADS, INNER), rank=2, alpha=4)
    learning = {name for name, parameter in layer.named_parameters() if parameter.requires_grad}
    assert learning == {f"attention.{name}.{symbol}" for name in ("W_q", "W_v") for symbol in "AB"}


# --- the page


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def figures() -> dict[str, str]:
    """Name → how the pages write it in English."""
    with torch.device("meta"):
        encoder, decoder = EncoderLayer(512, 8, 2048), DecoderLayer(512, 8, 2048)
        whole = Transformer(37_000)
        bert = BertModel(BertConfig())
        of_bert = count(bert)
        tuned = with_lora(EncoderLayer(512, 8, 2048), rank=8, alpha=16)
        adapted = adapt(bert, Lora(rank=8, alpha=16, targets=("query", "value")))
    learns = sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)
    in_bert = sum(layer.A.numel() + layer.B.numel() for layer in adapted.layers().values())
    found = {
        "one matrix": 512 * 512,
        "attention": count(encoder.attention),
        "feed-forward": count(encoder.feed_forward),
        "encoder layer": count(encoder),
        "decoder layer": count(decoder),
        "embedding": whole.embedding.weight.numel(),
        "whole": count(whole),
        "LoRA of one matrix": 8 * (512 + 512),
        "LoRA of a layer": learns,
        "BERT": of_bert,
        "LoRA of BERT": in_bert,
    }
    shares = {"of the layer": learns / count(encoder), "of BERT": in_bert / of_bert}
    return {name: f"{value:,}" for name, value in found.items()} | {name: f"{s:.2%}" for name, s in shares.items()}


@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_figure_of_the_page_is_computed(language: str) -> None:
    page = (DOCS / ("transformer.md" if language == "en" else "transformer.vi.md")).read_text(encoding="utf-8")
    known = set(figures().values())
    if language == "vi":
        known = {value.translate(str.maketrans(",.", ".,")) for value in known}
    cut = r"\d{1,3}(?:,\d{3})+|\d+\.\d+%" if language == "en" else r"\d{1,3}(?:\.\d{3})+|\d+,\d+%"
    assert set(re.findall(rf"(?<![\w.,/])(?:{cut})(?![\w])", page)) == known
