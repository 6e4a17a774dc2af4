"""The Transformer of Vaswani et al. 2017 (Attention Is All You Need, arXiv 1706.03762), written to be read.

Shapes stand behind the lines: B sentences, L tokens that ask, S tokens that are looked at (L = S in self-attention), d numbers a
token, h heads of d/h numbers each. A mask is True where a token may look. Every part is tested to equal torch.nn, and the
attention also the one inside BERT: tests/examples/test_transformer.py. Where it leads: docs/transformer.md.
"""

from math import log, sqrt

import torch
from torch import Tensor, nn


def attention(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None) -> Tensor:
    """Section 3.2.1: softmax(Q Kᵀ / √d_k) V. Every token that asks gets a mean of V, weighted by how well its q fits each k."""
    scores = Q @ K.transpose(-2, -1) / sqrt(Q.shape[-1])  # (…, L, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))  # e^-∞ = 0: what is masked has no weight
    return scores.softmax(dim=-1) @ V  # (…, L, d_v)


def causal(length: int) -> Tensor:
    """The mask of a decoder: token i sees the tokens 0 … i, itself among them. (L, L)"""
    return torch.ones(length, length, dtype=torch.bool).tril()


def positions(length: int, d: int) -> Tensor:
    """Section 3.5: PE(i, 2k) = sin(i / 10000^(2k/d)), PE(i, 2k+1) = cos(i / 10000^(2k/d)). (L, d)"""
    place = torch.arange(length)[:, None]  # (L, 1)
    slower = torch.exp(torch.arange(0, d, 2) * (-log(10000.0) / d))  # (d/2,)
    found = torch.empty(length, d)
    found[:, 0::2], found[:, 1::2] = torch.sin(place * slower), torch.cos(place * slower)
    return found


class MultiHeadAttention(nn.Module):
    """Section 3.2.2: h attentions side by side, each on its own d/h numbers, and a matrix that mixes what they found."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(d, d) for _ in range(4))

    def forward(self, asking: Tensor, looked_at: Tensor, mask: Tensor | None = None) -> Tensor:
        """`asking` (B, L, d), `looked_at` (B, S, d), `mask` as wide as (B, h, L, S) or broadcast to it → (B, L, d)."""
        Q = self.split(self.W_q(asking))  # (B, h, L, d/h)
        K, V = self.split(self.W_k(looked_at)), self.split(self.W_v(looked_at))  # (B, h, S, d/h)
        found = attention(Q, K, V, mask)  # (B, h, L, d/h)
        return self.W_o(found.transpose(1, 2).flatten(2))  # (B, L, d)

    def split(self, x: Tensor) -> Tensor:
        """(B, L, d) → (B, h, L, d/h)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """Section 3.3: max(0, x W₁ + b₁) W₂ + b₂, for every token by itself."""

    def __init__(self, d: int, inner: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(d, inner), nn.Linear(inner, d)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, d) → (B, L, d)."""
        return self.down(self.up(x).relu())


class EncoderLayer(nn.Module):
    """Section 3.1: self-attention and feed-forward, each as LayerNorm(x + part(x))."""

    def __init__(self, d: int, heads: int, inner: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.attention, self.feed_forward = MultiHeadAttention(d, heads), FeedForward(d, inner)
        self.norm_1, self.norm_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, S, d) → (B, S, d)."""
        x = self.norm_1(x + self.dropout(self.attention(x, x, mask)))
        return self.norm_2(x + self.dropout(self.feed_forward(x)))


class DecoderLayer(nn.Module):
    """Section 3.1: attention to what is written already, to the encoded source, and feed-forward."""

    def __init__(self, d: int, heads: int, inner: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.attention, self.cross = MultiHeadAttention(d, heads), MultiHeadAttention(d, heads)
        self.feed_forward = FeedForward(d, inner)
        self.norm_1, self.norm_2, self.norm_3 = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, y: Tensor, source: Tensor, mask: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """`y` (B, L, d) and `source` (B, S, d) → (B, L, d)."""
        y = self.norm_1(y + self.dropout(self.attention(y, y, mask)))
        y = self.norm_2(y + self.dropout(self.cross(y, source, source_mask)))
        return self.norm_3(y + self.dropout(self.feed_forward(y)))


class Transformer(nn.Module):
    """Figure 1. From a source and what is written of the target to the scores of every next token."""

    def __init__(
        self, vocabulary: int, d: int = 512, heads: int = 8, inner: int = 2048, layers: int = 6, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.d = d
        self.embedding = nn.Embedding(vocabulary, d)  # one matrix for source, target and output (section 3.4)
        self.encoder = nn.ModuleList(EncoderLayer(d, heads, inner, dropout) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(d, heads, inner, dropout) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, source: Tensor, target: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """`source` (B, S) and `target` (B, L) are token numbers; `source_mask` (B, S) is True at tokens → (B, L, vocabulary)."""
        may_look = None if source_mask is None else source_mask[:, None, None, :]  # (B, 1, 1, S)
        x = self.embed(source)  # (B, S, d)
        for layer in self.encoder:
            x = layer(x, may_look)
        y = self.embed(target)  # (B, L, d)
        for layer in self.decoder:
            y = layer(y, x, causal(target.shape[1]).to(target.device), may_look)
        return y @ self.embedding.weight.T  # (B, L, vocabulary)

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, L) → (B, L, d): what a token is, and where it stands."""
        where = positions(tokens.shape[1], self.d).to(tokens.device)
        return self.dropout(self.embedding(tokens) * sqrt(self.d) + where)


class LoraLinear(nn.Module):
    """W' = W + (α/r) B A (Hu et al. 2021, arXiv 2106.09685): W stays, and only B (m × r) and A (r × n) learn."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base, self.strength = base.requires_grad_(False), alpha / rank
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / sqrt(base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))  # so that at first nothing is changed

    def forward(self, x: Tensor) -> Tensor:
        """W x + b + (α/r) B (A x): the product B A is never made."""
        return self.base(x) + self.strength * (x @ self.A.T @ self.B.T)


def with_lora(layer: nn.Module, rank: int, alpha: float) -> nn.Module:
    """The layer with LoRA at W_q and W_v of every attention in it, and all else frozen."""
    layer.requires_grad_(False)
    for part in [each for each in layer.modules() if isinstance(each, MultiHeadAttention)]:
        part.W_q, part.W_v = LoraLinear(part.W_q, rank, alpha), LoraLinear(part.W_v, rank, alpha)
    return layer
