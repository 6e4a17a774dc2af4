"""What the files of a base model say about it."""

import hashlib
from pathlib import Path

import pytest

from fewtune.model.base import base_facts, weights_sha256
from fewtune.model.find import Origin


def origin(folder: Path, card: str | None = None, **files: bytes) -> Origin:
    if card is not None:
        (folder / "README.md").write_text(card, encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.safetensors").write_bytes(content)
    return Origin("x", None, folder)


@pytest.mark.parametrize(
    ("card", "license", "languages"),
    [
        ("---\nlicense: apache-2.0\nlanguage: vi\n---\n# PhoBERT", "apache-2.0", ("vi",)),
        ("---\r\nlanguage:\r\n- vi\r\n- en\r\nlicense:\r\n- mit\r\n---\r\nText", "mit", ("vi", "en")),
        ("\ufeff---\nlicense: other\nlicense_name: llama3.2\n---\n", "llama3.2", ()),
        ("---\nlanguage: no\nlicense: 2\n---\n", None, ()),  # YAML 1.1 reads Norwegian as False
        ("# No front matter\n---\nlicense: mit\n---\n", None, ()),
        ("---\nlicense: [mit\n---\n", None, ()),
        ("---\n- a\n- b\n---\n", None, ()),
        ("---\nlicense:\n---\n", None, ()),
        ("", None, ()),
        (None, None, ()),
    ],
)
def test_licence_and_languages_are_those_of_the_card(tmp_path: Path, card, license, languages):
    found = base_facts(origin(tmp_path, card, model=b"1234"))
    assert (found.license, found.languages, found.bytes) == (license, languages, 4)


def test_a_card_that_is_no_text_says_nothing(tmp_path: Path):
    (tmp_path / "README.md").write_bytes(b"---\nlicense: \xff\n---\n")
    assert base_facts(origin(tmp_path)).license is None


def test_every_file_of_the_weights_has_its_digest(tmp_path: Path):
    found = weights_sha256(origin(tmp_path, b=b"two", a=b"one"))
    assert found == {
        f"{name}.safetensors": hashlib.sha256(text).hexdigest() for name, text in (("a", b"one"), ("b", b"two"))
    }
    assert base_facts(origin(tmp_path)).bytes == 6
