"""Offsets built from the tokens alone are those that fast tokenizers give, on texts that make it hard."""

import random
import unicodedata

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PhobertTokenizer, PreTrainedTokenizerFast

from fewtune.tasks._offsets import align, tidy, tokens_of
from models import tiny_tokenizer

WORDS = [
    "Hà", "Nội", "nghiêng", "đường", "ưỡn", "ẩn", "thuở", "quyển", "Đà", "bánh", "a", "cafe", "naïve",
    "İstanbul", "straße", "don't", "U.S.", "1,000.50", "№5", "½", "ﬁn", "x²", "🎉", "👩\u200d👩", "…", "—",
    "“ô”", "...", "##", "▁", "@@", "(sic)", "漢字", "Ａ", "\u200bẩn",
]  # fmt: skip
SPACES = [" ", "  ", "\t", "\n\n", " \u00a0 ", "\u3000"]


def texts(n: int = 240) -> list[str]:
    rng = random.Random(0)
    found = []
    for index in range(n):
        words = rng.choices(WORDS, k=rng.randint(1, 12))
        text = "".join(word + rng.choice([*SPACES, "", ","]) for word in words)
        found.append([text, unicodedata.normalize("NFD", text), text.upper(), " " + text][index % 4])
    return found


def trained(model, trainer, normalizer, pre_tokenizer) -> PreTrainedTokenizerFast:
    """A fast tokenizer that splits words into pieces, since it has seen only short ones."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.train_from_iterator(["Hà Nội nghiêng đường cafe bánh quyển don't 1,000", *"".join(WORDS)], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


def tokenizers() -> dict[str, PreTrainedTokenizerFast]:
    pieces = {"vocab_size": 260, "special_tokens": ["[UNK]"], "show_progress": False}
    bert = {"pre": pre_tokenizers.BertPreTokenizer(), "model": lambda: models.WordPiece(unk_token="[UNK]")}  # pyright: ignore[reportCallIssue]
    return {
        "wordpiece_uncased": trained(
            bert["model"](), trainers.WordPieceTrainer(**pieces), normalizers.BertNormalizer(), bert["pre"]
        ),
        "wordpiece_cased": trained(
            bert["model"](),
            trainers.WordPieceTrainer(**pieces),
            normalizers.BertNormalizer(lowercase=False, strip_accents=False),
            bert["pre"],
        ),
        "metaspace": trained(
            models.BPE(unk_token="[UNK]"),
            trainers.BpeTrainer(**pieces),
            normalizers.NFKC(),
            pre_tokenizers.Metaspace(),
        ),
    }


@pytest.mark.parametrize("name", ["wordpiece_uncased", "wordpiece_cased", "metaspace"])
def test_they_are_those_of_a_fast_tokenizer(name: str) -> None:
    tokenizer = tokenizers()[name]
    cases = texts()
    if name == "metaspace":
        # "▁" is a space to this one, and whether it stood in the text nobody can tell afterwards; several spaces are tokens, so
        # that the text cannot be taken word by word.
        cases = [" ".join(text.replace("▁", "").split()) for text in cases]
    exact = total = 0
    for text, ours in zip(cases, tokens_of(cases, Slow(tokenizer)), strict=True):  # pyright: ignore[reportArgumentType]
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        assert ours.ids == found["input_ids"]
        theirs = tidy(text, found["offset_mapping"])
        words = [len(text[: start + 1].split()) for start, _ in theirs]
        lost = {word for word, token in zip(words, found.tokens(), strict=True) if token == "[UNK]"}
        for word, token, their, our in zip(words, found.tokens(), theirs, ours.offsets, strict=True):
            if token == "▁" or their[0] == their[1]:
                continue  # a space, for which the fast tokenizer names the letter behind
            total += 1
            exact += our == their
            assert our == their or word in lost, (text, found.tokens(), token, their, our)
    assert total > 1500
    assert total * 0.9 < exact < total


class Slow:
    """A fast tokenizer that says no more than one written in Python does."""

    is_fast, unk_token = False, "[UNK]"

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenize, self.convert_tokens_to_ids = tokenizer.tokenize, tokenizer.convert_tokens_to_ids


@pytest.fixture(scope="module")
def phobert(tmp_path_factory: pytest.TempPathFactory) -> PhobertTokenizer:
    folder = tmp_path_factory.mktemp("phobert")
    merges = [
        "n g 3",
        "ng h 2",
        "i ê 2",
        "H à</w> 2",
        "N ộ 2",
        "Nộ i</w> 2",
        "đ ư 1",
        "ờ ng</w> 1",
        "s ô 1",
        "sô ng</w> 1",
    ]
    (folder / "bpe.codes").write_text("\n".join(merges) + "\n", encoding="utf-8")
    pieces = ["Hà", "Nội", "sông", "đư@@", "ờng", "ng@@", "ngh@@", "iê@@", "ng"]
    letters = [letter + end for letter in "abcdeghiklmnopqrstuvxyđêôơư0123456789.,!?_" for end in ("", "@@")]
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in pieces + letters), encoding="utf-8")
    return PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))


def test_phobert_has_the_places_of_all_its_tokens(phobert: PhobertTokenizer) -> None:
    assert not phobert.is_fast
    cases = texts()
    for text, found in zip(cases, tokens_of(cases, phobert), strict=True):
        tokens = phobert.tokenize(text)
        assert found.ids == phobert.convert_tokens_to_ids(tokens)
        said = [token.removesuffix("@@") if token != "@@" else token for token in tokens]
        at = 0
        for letters, (start, end) in zip(said, found.offsets, strict=True):
            # Accents may be tokens of their own, or belong to the letter before them.
            if any(not unicodedata.combining(c) and not c.isspace() for c in letters):
                bare = [c for c in text[start:end] if not unicodedata.combining(c)]
                assert bare == [c for c in letters if not unicodedata.combining(c)], (text, letters)
                assert not text[at:start].strip() or all(unicodedata.combining(c) for c in text[at:start].strip())
                at = end
    [found] = tokens_of(["Hà  Nội ở sông\nHồng."], phobert)
    assert found.offsets[:2] == [(0, 2), (4, 7)]


def test_spaces_and_marks() -> None:
    text = " cafe\u0301 x"
    assert tidy(text, [(0, 5), (0, 1), (6, 8)]) == [(1, 6), (1, 1), (7, 8)]


def test_a_fast_tokenizer_is_believed() -> None:
    text = "Ngày mai  đi chơi 🎉!"
    [found] = tokens_of([text], tiny_tokenizer("gpt2"))
    assert {c for a, b in found.offsets for c in range(a, b)} == {c for c, x in enumerate(text) if not x.isspace()}
    assert tokens_of([], tiny_tokenizer("gpt2")) == []


def test_what_is_unknown_reaches_to_the_next_token() -> None:
    assert align("a漢b", ["a", "[UNK]", "b"], "[UNK]") == [(0, 1), (1, 2), (2, 3)]
    assert align("漢字", ["[UNK]"], "[UNK]") == [(0, 2)]
    assert align("abcd", ["a", "x", "d"], None) == [(0, 1), (1, 3), (3, 4)], "what is not found is treated alike"
    assert align("abc", ["a", "x"], None) == [(0, 1), (1, 3)]
