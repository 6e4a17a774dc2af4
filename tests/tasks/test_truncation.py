"""Texts that are cut, counted against a tokenizer whose tokens can be counted by hand."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from fewtune.data.rows import Row
from fewtune.tasks._truncation import truncation
from fewtune.tasks.classification import Classification


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """One token a word, and `[CLS]`, `[SEP]` around them."""
    words = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "w"])}
    whole = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    whole.pre_tokenizer = pre_tokenizers.Whitespace()
    whole.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=whole, pad_token="[PAD]", unk_token="[UNK]", model_max_length=99)


def found(tokenizer: PreTrainedTokenizerFast, lengths: list, max_length: int = 10) -> list:
    """Findings for rows of so many words; a pair of numbers is a pair of texts."""
    texts = [(each, None) if isinstance(each, int) else each for each in lengths]
    rows = [
        Row(text="w " * first, pair=None if second is None else "w " * second, label="a", number=number)
        for number, (first, second) in enumerate(texts)
    ]
    features = Classification(labels=("a", "b"), max_length=max_length).encode(rows, tokenizer)
    return truncation(rows, features, tokenizer, max_length, "train")


def test_nothing_is_cut(tokenizer: PreTrainedTokenizerFast):
    assert found(tokenizer, [1, 5, 7]) == []
    assert found(tokenizer, []) == []


def test_a_text_that_just_fits_is_not_cut(tokenizer: PreTrainedTokenizerFast):
    """8 words and 2 marks are 10 tokens."""
    assert found(tokenizer, [8, 8]) == []


def test_the_count_by_hand(tokenizer: PreTrainedTokenizerFast):
    """Of 9 and 20 words, 11 and 22 tokens, 1 and 12 are lost."""
    (finding,) = found(tokenizer, [3, 9, 8, 20])
    assert finding.values == {
        "split": "train",
        "rows": 2,
        "of_rows": 4,
        "max_length": 10,
        "longest": 22,
        "tokens_lost": 13,
    }
    assert finding.level == "warning"
    assert finding.say() == (
        "train: 2 of 4 rows are longer than 10 tokens (longest: 22); 13 tokens are cut off and never seen. "
        "Raise task.max_length if the model can take more"
    )


def test_of_pairs_both_texts_count(tokenizer: PreTrainedTokenizerFast):
    """4 + 3 words and 3 marks fit; 5 + 3 are one token too many."""
    assert found(tokenizer, [(4, 3)]) == []
    (finding,) = found(tokenizer, [(4, 3), (5, 3), (3, 5)])
    assert (finding.values["rows"], finding.values["tokens_lost"], finding.values["longest"]) == (2, 2, 11)


def test_looking_at_long_texts_warns_nobody(tokenizer: PreTrainedTokenizerFast, caplog: pytest.LogCaptureFixture):
    """transformers warns of texts beyond model_max_length, which is just what is being counted."""
    (finding,) = found(tokenizer, [200])
    assert finding.values["tokens_lost"] == 192
    assert caplog.text == ""
