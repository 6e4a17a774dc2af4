"""What the files of a base model say about it: licence, languages, size, and the fingerprints of its weights."""

import hashlib
from typing import Any

import yaml

from fewtune.model.find import Origin
from fewtune.record.facts import Base

CARD = "README.md"
WEIGHTS = "*.safetensors"


def base_facts(origin: Origin) -> Base:
    """Licence and languages as the model's card names them, where it lies beside the weights; nothing is downloaded."""
    card = _card(origin)
    return Base(
        license=_text(card.get("license_name")) or _text(card.get("license")),
        languages=tuple(filter(None, map(_text, _as_list(card.get("language"))))),
        bytes=sum(file.stat().st_size for file in origin.folder.glob(WEIGHTS)),
    )


def weights_sha256(origin: Origin) -> dict[str, str]:
    """File → SHA-256 of its bytes, for the base's weights as they lie on this machine (about a second for each GB)."""
    digests = {}
    for path in sorted(origin.folder.glob(WEIGHTS)):
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _card(origin: Origin) -> dict[str, Any]:
    """The YAML at the head of the model's card; empty for none, or for one that cannot be read: it is a courtesy."""
    try:
        text = (origin.folder / CARD).read_text(encoding="utf-8").lstrip("\ufeff")
        head, _, rest = text.partition("---")
        found = yaml.safe_load(rest.partition("\n---")[0]) if not head.strip() else None
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str | None:
    """`license: [mit]` occurs too; `no` for Norwegian is read as False by YAML 1.1, and that is not a text."""
    value = value[0] if isinstance(value, list) and value else value
    return value.strip() or None if isinstance(value, str) else None
