"""Words and their sub-words: the same as the library's own alignment, for every kind of tokenizer; windows over long sentences."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.models.phobert import PhobertTokenizer

from fewtune.tasks._subwords import Subwords, windows
from models import ARCHITECTURES, tiny_tokenizer

SENTENCES = [
    ["Hà_Nội", "đẹp", "lắm", "!"],
    ["the", "parcel", "never", "came,", "and", "I", "waited"],
    ["Nguyễn", "Văn", "An", "(1990)", "x"],
    ["a"],
]


def byte_level() -> PreTrainedTokenizerFast:
    """With a space before every word, as GPT-2's and RoBERTa's are loaded to be given words."""
    found = tiny_tokenizer("gpt2")
    found.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return found


def word_piece() -> PreTrainedTokenizerFast:
    letters = sorted({letter for words in SENTENCES for word in words for letter in word.lower()})
    pieces = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "the", "par", "##cel", *letters, *(f"##{each}" for each in letters)]
    made = Tokenizer(models.WordPiece({piece: id for id, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def sentence_piece() -> PreTrainedTokenizerFast:
    """As T5's and XLM-R's: unigrams with ▁ for a space."""
    letters = sorted({letter for words in SENTENCES for word in words for letter in word})
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁the", -3.0), ("cel", -3.5), ("▁Hà", -3.0)]
    made = Tokenizer(models.Unigram([*pieces, *((each, -6.0) for each in letters)], unk_id=2))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", pad_token="<pad>", eos_token="</s>")


FAST: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "word_piece": word_piece,
    "byte_level": byte_level,
    "sentence_piece": sentence_piece,
}


def phobert(folder: Path) -> PhobertTokenizer:
    """Slow, and without offsets."""
    letters = sorted({letter for words in SENTENCES for word in words for letter in word})
    entries = ["Hà_Nội", "đẹp", *(f"{each}@@" for each in letters), *letters]
    (folder / "vocab.txt").write_text("".join(f"{each} 1\n" for each in entries), encoding="utf-8")
    codes = ["H à", "Hà _", "N ộ", "Nộ i</w>", "Hà_ Nội</w>", "đ ẹ", "đẹ p</w>"]
    (folder / "bpe.codes").write_text("".join(f"{each} 1\n" for each in codes), encoding="utf-8")
    return PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))


def whole(by: Subwords, words: list[str]) -> tuple[list[int], list[int | None]]:
    """All tokens of a sentence, and the word of each."""
    tokens = by.words([words])[0]
    ids = by.inputs([id for each in tokens for id in each])["input_ids"]
    inside = [word for word, each in enumerate(tokens) for _ in each]
    return ids, [*(None for _ in by.before), *inside, *(None for _ in by.after)]


@pytest.mark.parametrize("kind", FAST)
@pytest.mark.parametrize("words", SENTENCES, ids=" ".join)
def test_token_by_token_as_the_library_aligns_words(kind: str, words: list[str]) -> None:
    tokenizer = FAST[kind]()
    theirs = tokenizer(words, is_split_into_words=True)
    ours = Subwords.of(tokenizer)
    assert whole(ours, words) == (theirs["input_ids"], theirs.word_ids())
    length = len(theirs["input_ids"])
    inputs = ours.inputs(theirs["input_ids"][len(ours.before) : length - len(ours.after)])
    assert inputs == {name: list(values) for name, values in theirs.items()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("words", SENTENCES, ids=" ".join)
def test_as_in_running_text(architecture: str, words: list[str]) -> None:
    """Token by token as in the text behind a space, whose offsets say of which word a token is."""
    tokenizer = tiny_tokenizer(architecture)
    text = " " + " ".join(words)
    theirs = tokenizer(text, return_offsets_mapping=True)
    special = set(tokenizer.all_special_ids)
    of_word = [
        None if id in special else text[:end].count(" ") - 1
        for id, (_, end) in zip(theirs["input_ids"], theirs["offset_mapping"], strict=True)
    ]
    assert whole(Subwords.of(tokenizer), words) == (theirs["input_ids"], of_word)


def test_phobert_without_offsets(tmp_path: Path) -> None:
    tokenizer = phobert(tmp_path)
    assert not tokenizer.is_fast
    by = Subwords.of(tokenizer)
    for words in SENTENCES:
        ids, of_word = whole(by, words)
        assert ids == tokenizer(" ".join(words))["input_ids"]
        for number, word in enumerate(words):
            tokens = tokenizer.convert_ids_to_tokens([id for id, at in zip(ids, of_word, strict=True) if at == number])
            assert "".join(tokens).replace("@@", "") == word
    assert len(by.words([["Hà_Nội"]])[0][0]) == 1, "a word that was joined stays one"


def test_a_word_of_which_nothing_is_left_is_unknown() -> None:
    """BERT drops control characters; every word must get an answer."""
    tokenizer = word_piece()
    assert tokenizer("\u200b", add_special_tokens=False)["input_ids"] == []
    assert Subwords.of(tokenizer).words([["a", "\u200b"]])[0][1] == [tokenizer.unk_token_id]


@pytest.mark.parametrize("tokenizer", [tiny_tokenizer("gpt2"), tiny_tokenizer("bert")], ids=["decoder", "encoder"])
def test_nothing_is_read_as_something(tokenizer: PreTrainedTokenizerBase) -> None:
    assert Subwords.of(tokenizer).inputs([])["input_ids"]


def test_windows_answer_every_word_once_and_fit() -> None:
    draw = random.Random(0)
    for _ in range(2000):
        lengths = [draw.choice([1, 1, 1, 2, 3, 9]) for _ in range(draw.randint(0, 40))]
        room = draw.randint(1, 20)
        found = windows(lengths, room)
        answered = [word for window in found for word in range(window.first, window.behind)]
        assert answered == list(range(len(lengths)))
        for window in found:
            assert window.start <= window.first and window.behind <= window.end
            inside = sum(lengths[window.start : window.end])
            assert inside <= room or (window.end - window.start == 1 and window.first == window.start)
        assert len(found) == 1 or sum(lengths) > room


def test_words_have_context_on_both_sides() -> None:
    found = windows([1] * 100, 20)
    assert all(window.first - window.start == 5 for window in found[1:])
    assert all(window.end - window.behind == 5 for window in found[:-1])
    assert len(found) == 9
