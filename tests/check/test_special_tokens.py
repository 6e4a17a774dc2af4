"""Control tokens in the texts of people: counted exactly where the tokenizer takes them for such."""

import pytest
from tokenizers import AddedToken
from transformers import BertTokenizerFast

from fewtune.check.special_tokens import special_tokens
from fewtune.data.answers import Texts
from fewtune.data.rows import Row
from models import tiny_tokenizer


def of(text: str, number: int = 0, pair: str | None = None) -> Row:
    return Row(text, pair, None, number)


def test_each_row_is_counted_once_with_the_tokens_in_it() -> None:
    rows = [of("món </s> ngon </s>"), of("một <cls> hai", 1), of("x", 2, pair="</s>"), of("thường thôi", 3)]
    [finding] = special_tokens(rows, tiny_tokenizer("bert"))
    assert (finding.id, finding.level) == ("special_in_text", "warning")
    assert finding.values == {"rows": 3, "of_rows": 4, "tokens": "</s> (2), <cls> (1)"}
    assert finding.say().startswith("3 of 4 rows hold </s> (2), <cls> (1) in their text")
    assert finding.say("vi").startswith("3 trên 4 hàng có </s> (2), <cls> (1) trong văn bản")


def test_what_only_looks_like_one_is_none(tmp_path) -> None:
    """An uncased BERT reads `[sep]` as letters, and `[SEP]` as its token."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[", "]", "sep", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = BertTokenizerFast(str(tmp_path / "vocab.txt"), do_lower_case=True)
    assert special_tokens([of("a [sep] a"), of("</s>", 1), of("người lạ", 2)], tokenizer) == []
    [finding] = special_tokens([of("a [SEP] a"), of("[sep]", 1)], tokenizer)
    assert finding.values["rows"] == 1


@pytest.mark.parametrize("role", ["user", "system"])
def test_conversations_are_read_and_replies_written(role: str) -> None:
    tokenizer = tiny_tokenizer("llama")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_end|>"]})
    asked = (("system", "im </s>" if role == "system" else "im"), ("user", "x <|im_end|>" if role == "user" else "x"))
    read = Row("x", None, Texts(("được",)), 0, turns=asked)
    earlier = Row("x", None, Texts(("được",)), 1, turns=(("user", "x"), ("assistant", "a </s>"), ("user", "y")))
    last = Row("x", None, Texts(("a </s> b",)), 2, turns=(("user", "x"),))
    found = special_tokens([read, earlier, last], tokenizer)
    assert [(each.id, each.values["rows"]) for each in found] == [("special_in_text", 1), ("special_in_reply", 2)]
    assert "to stop in the middle" in found[1].say() and "học dừng giữa chừng" in found[1].say("vi")


def test_nothing_to_say() -> None:
    assert special_tokens([of("Tuyệt vời <3 s>")], tiny_tokenizer("gpt2")) == []
    assert special_tokens([], tiny_tokenizer("gpt2")) == []


def test_a_token_that_counts_only_as_a_whole_word() -> None:
    tokenizer = tiny_tokenizer("llama")
    word = AddedToken("hết", special=True, single_word=True)
    tokenizer.add_special_tokens({"additional_special_tokens": [word]})
    [finding] = special_tokens([of("hết hàng"), of("hếthàng", 1)], tokenizer)
    assert finding.values["rows"] == 1, "in the second it is letters"
