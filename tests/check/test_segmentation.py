"""A model that learned joined words says so when it is given others."""

import pytest

from fewtune.check.segmentation import segmentation
from fewtune.messages import say

PLAIN = ["Tôi là sinh viên đại học", "Giáo viên dạy rất hay", "Học phí quá cao"]
JOINED = ["Tôi là sinh_viên đại_học", "Giáo_viên dạy rất hay", "Học_phí quá cao"]


def test_plain_texts_for_a_model_that_expects_joined_ones():
    (finding,) = segmentation("vinai/phobert-base-v2", PLAIN)
    assert finding.level == "warning"
    assert finding.say() == say("not_segmented", model="vinai/phobert-base-v2", joined=0, of=3)
    assert "0 trên 3 văn bản" in finding.say("vi")


@pytest.mark.parametrize(
    ("model", "texts"),
    [
        ("vinai/phobert-base-v2", JOINED),
        ("FacebookAI/xlm-roberta-base", PLAIN),
        ("me/phobert-of-my-own", PLAIN),
        ("vinai/phobert-base-v2", ["An English text", "and one more"]),
        ("vinai/phobert-base-v2", []),
    ],
    ids=["joined already", "another model", "not in the table", "not Vietnamese", "no texts"],
)
def test_nothing_to_say(model: str, texts: list[str]):
    assert segmentation(model, texts) == []


def test_an_underscore_that_joins_nothing_does_not_count():
    assert segmentation("vinai/phobert-base", [text + " _ :_" for text in PLAIN]) != []
