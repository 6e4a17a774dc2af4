"""A finished run on the Hugging Face Hub: what is uploaded, and the upload itself. The token is huggingface_hub's business alone.

Uploaded are the adapter (or the model), the card as README.md and the scores. What quotes the data (`predictions.jsonl`,
`report.html`) or tells of this machine (`run.yaml`, `plan.json`, `environment.json`) stays here; the report goes only if asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fewtune.errors import ConfigError, FewtuneError, FormatError
from fewtune.model.known import known_model
from fewtune.record.folder import RunFolder

FREE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "unlicense")
"""Licences that let a derived model be published under any other one, as long as the notice is kept."""


@dataclass(frozen=True)
class Upload:
    """What will be uploaded: path in the repository → file here."""

    folder: RunFolder
    files: dict[str, Path]

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(path.stat().st_size for path in self.files.values())


@dataclass(frozen=True)
class Place:
    """Where it will go."""

    repo: str
    """`user/name`."""
    url: str
    exists: bool
    private: bool


def gather(folder: RunFolder, *, public: bool, report: bool) -> Upload:
    """The files of a finished run that may be uploaded.

    Raises FormatError when the card is missing or damaged, ConfigError when a licence stands against publishing.
    """
    if not folder.card.exists():
        raise FormatError("push_no_card", folder=folder.path)
    folder.read_scores()
    if public:
        _may_be_public(folder)
    tuned = {
        path.relative_to(folder.tuned).as_posix(): path for path in sorted(folder.tuned.rglob("*")) if path.is_file()
    }
    extra = {"README.md": folder.card, "scores.json": folder.scores}
    if report:
        if not folder.report.exists():
            raise FormatError("run_damaged", folder=folder.path, file=folder.report.name, reason="-")
        extra["report.html"] = folder.report
    return Upload(folder, {**extra, **{name: path for name, path in tuned.items() if name not in extra}})


def look(repo: str, *, public: bool, api: Any = None) -> Place:
    """Whether the repository is there and who may see it. A name without a user is put under one's own.

    Raises ConfigError for a name the Hub does not take, for a missing token or permission, and when a public repository was
    not asked for.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
    from huggingface_hub.utils import validate_repo_id

    api = api or HfApi()
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise ConfigError("push_name", repo=repo, reason=_first_line(error)) from None
    with _plainly(repo, api.endpoint):
        user = api.whoami()["name"]
        full = repo if "/" in repo else f"{user}/{repo}"
        try:
            info = api.repo_info(full)
        except RepositoryNotFoundError:
            return Place(full, f"{api.endpoint}/{full}", exists=False, private=not public)
    if not info.private and not public:
        raise ConfigError("push_is_public", repo=full)
    return Place(full, f"{api.endpoint}/{full}", exists=True, private=bool(info.private))


def push(upload: Upload, place: Place, api: Any = None) -> str:
    """Upload in one commit, so that the repository is never half new; returns the address of the repository."""
    from huggingface_hub import CommitOperationAdd, HfApi

    api = api or HfApi()
    operations = [CommitOperationAdd(name, str(path)) for name, path in upload.files.items()]
    with _plainly(place.repo, api.endpoint):
        if not place.exists:
            api.create_repo(place.repo, private=place.private)
        api.create_commit(place.repo, operations, commit_message=f"Upload {upload.folder.path.resolve().name}")
    return place.url


def local_base(folder: RunFolder) -> str | None:
    """The base model of an adapter when it is a folder of this machine, which nobody else has; else None."""
    name = folder.read_plan().model
    return name if folder.tuned == folder.adapter and Path(name).is_absolute() else None


def _may_be_public(folder: RunFolder) -> None:
    licence, base = _front_matter(folder).get("license"), folder.read_plan().model
    if not licence or licence == "unknown":
        raise ConfigError("push_no_licence", card=folder.card)
    known = known_model(base)
    if known and known.licence not in (*FREE, licence):
        raise ConfigError("push_licence", card=folder.card, base=base, licence=known.licence, given=licence)


def _front_matter(folder: RunFolder) -> dict[str, Any]:
    """The YAML between the two `---` at the top of the card."""
    _, _, rest = folder.card.read_text(encoding="utf-8").partition("---\n")
    try:
        found = yaml.safe_load(rest.partition("\n---")[0])
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise FormatError("run_damaged", folder=folder.path, file=folder.card.name, reason=reason) from None
    return found if isinstance(found, dict) else {}


@contextmanager
def _plainly(repo: str, endpoint: str) -> Iterator[None]:
    """What huggingface_hub raises, as one sentence of ours that says what to do."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    try:
        yield
    except FewtuneError:
        raise
    except LocalTokenNotFoundError:
        raise ConfigError("push_no_token") from None
    except OfflineModeIsEnabled:
        raise ConfigError("push_offline") from None
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status == 401:
            raise ConfigError("push_token_refused", endpoint=endpoint) from None
        if status == 403:
            raise ConfigError("push_forbidden", repo=repo) from None
        id = "push_failed" if isinstance(error, HfHubHTTPError) else "push_unreachable"
        raise ConfigError(id, repo=repo, endpoint=endpoint, reason=_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0]
