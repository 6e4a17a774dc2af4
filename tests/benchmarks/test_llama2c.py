"""The converter of llama2.c checkpoints, on a file written here, against the arithmetic of llama2.c written out in numpy."""

import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

WIDTH, INNER, LAYERS, HEADS, GROUPS, POSITIONS = 16, 24, 2, 4, 2, 12
WORDS = [" ", "a", "b", "c", "ab", " a", " ab", "ế", " c"]
PIECES = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS]
Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def convert(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("llama2c")


def weights(*, tied: bool) -> dict[str, Floats]:
    """In the order in which llama2.c writes them."""
    draw, head, groups = np.random.default_rng(0), WIDTH // HEADS, GROUPS * WIDTH // HEADS
    shapes = {
        "embedding": (len(PIECES), WIDTH),
        "attention_norm": (LAYERS, WIDTH),
        "wq": (LAYERS, WIDTH, WIDTH),
        "wk": (LAYERS, groups, WIDTH),
        "wv": (LAYERS, groups, WIDTH),
        "wo": (LAYERS, WIDTH, WIDTH),
        "ffn_norm": (LAYERS, WIDTH),
        "w1": (LAYERS, INNER, WIDTH),
        "w2": (LAYERS, WIDTH, INNER),
        "w3": (LAYERS, INNER, WIDTH),
        "norm": (WIDTH,),
        "cos_sin": (2, POSITIONS, head // 2),
    } | ({} if tied else {"classifier": (len(PIECES), WIDTH)})
    return {name: draw.normal(0, 0.4, shape).astype("<f4") for name, shape in shapes.items()}


def write(path: Path, found: dict[str, Floats], *, tied: bool) -> Path:
    size = len(PIECES) if tied else -len(PIECES)
    header = struct.pack("7i", WIDTH, INNER, LAYERS, HEADS, GROUPS, size, POSITIONS)
    path.write_bytes(header + b"".join(each.tobytes() for each in found.values()))
    return path


def forward(w: dict[str, Floats], tokens: list[int]) -> Floats:
    """run.c: one token after another, neighbours rotated by position · 10000^(−i / head)."""
    head, repeat = WIDTH // HEADS, HEADS // GROUPS
    keys: list[list[Floats]] = [[] for _ in range(LAYERS)]
    values: list[list[Floats]] = [[] for _ in range(LAYERS)]

    def norm(x: Floats, weight: Floats) -> Floats:
        return weight * x / np.sqrt((x * x).mean() + 1e-5)

    def rotated(x: Floats, position: int) -> Floats:
        found = x.copy()
        for i in range(0, len(x), 2):
            angle = position * 10000.0 ** -((i % head) / head)
            c, s = np.cos(angle), np.sin(angle)
            found[i], found[i + 1] = x[i] * c - x[i + 1] * s, x[i] * s + x[i + 1] * c
        return found

    logits = []
    for position, token in enumerate(tokens):
        x = w["embedding"][token].astype(np.float64)
        for at in range(LAYERS):
            y = norm(x, w["attention_norm"][at])
            query = rotated(w["wq"][at] @ y, position)
            keys[at].append(rotated(w["wk"][at] @ y, position))
            values[at].append(w["wv"][at] @ y)
            out = np.zeros(WIDTH)
            for h in range(HEADS):
                here, shared = slice(h * head, (h + 1) * head), slice(h // repeat * head, (h // repeat + 1) * head)
                scores = np.array([query[here] @ key[shared] for key in keys[at]]) / np.sqrt(head)
                shares = np.exp(scores - scores.max())
                shares /= shares.sum()
                out[here] = sum(share * value[shared] for share, value in zip(shares, values[at], strict=True))
            x = x + w["wo"][at] @ out
            y = norm(x, w["ffn_norm"][at])
            gate = w["w1"][at] @ y
            x = x + w["w2"][at] @ (gate / (1 + np.exp(-gate)) * (w["w3"][at] @ y))
        logits.append(w.get("classifier", w["embedding"]) @ norm(x, w["norm"]))
    return np.array(logits)


@pytest.mark.parametrize("tied", [True, False])
def test_it_computes_what_llama2c_computes(convert: ModuleType, tmp_path: Path, tied: bool) -> None:
    found = weights(tied=tied)
    model = convert.read_model(write(tmp_path / "model.bin", found, tied=tied))
    tokens = [1, 260, 259, 3, 264, 260, 7]
    with torch.no_grad():
        ours = model(input_ids=torch.tensor([tokens])).logits[0].numpy()
    np.testing.assert_allclose(ours, forward(found, tokens), rtol=1e-3, atol=1e-4)


def test_a_file_of_another_size_is_refused(convert: ModuleType, tmp_path: Path) -> None:
    path = write(tmp_path / "model.bin", weights(tied=True), tied=True)
    whole = path.read_bytes()
    for content in (whole[:-4], whole + b"\0\0\0\0"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="numbers"):
            convert.read_model(path)


@pytest.fixture(scope="module")
def folder(convert: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("llama2c")
    write(made / "model.bin", weights(tied=True), tied=True)
    content = b"".join(struct.pack("<fi", -float(n), len(p.encode())) + p.encode() for n, p in enumerate(PIECES))
    (made / "tok.bin").write_bytes(struct.pack("<i", 7) + content)
    convert.convert(made / "model.bin", made / "tok.bin", made / "out")
    return made / "out"


def test_the_tokenizer_begins_merges_and_falls_back_to_bytes(folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = {piece: number for number, piece in enumerate(PIECES)}
    assert tokenizer("ab c").input_ids == [1, ids[" ab"], ids[" c"]], "the start, then the largest pieces"
    assert tokenizer("ế").input_ids == [1, ids[" "], ids["ế"]]
    assert tokenizer("ữ").input_ids == [1, ids[" "], *(3 + byte for byte in "ữ".encode())]
    for text in ("ab c", "mưa  phùn 😀", "a\nb"):
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    assert AutoModelForCausalLM.from_pretrained(folder).config.max_position_embeddings == POSITIONS
