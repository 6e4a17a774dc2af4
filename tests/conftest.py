"""No test leaves anything in the caches of whoever runs it, and none fails because the machine is busy."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from hypothesis import settings

# A draw that takes longer than 200 ms is no mistake of ours when other programs run beside the tests.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What fewtune itself keeps (tokens, converted weights) goes beside the tests; the Hub's own cache is elsewhere."""
    constants.HF_HOME = str(tmp_path_factory.mktemp("home") / Path(constants.HF_HOME).name)


@pytest.fixture(autouse=True)
def as_many_threads_as_before() -> Iterator[None]:
    """Sums are formed in another order with more threads, and some tests compare bits."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    yield
    if torch and torch.get_num_threads() != before:
        torch.set_num_threads(before)


@pytest.fixture(params=[True, False], ids=["compiled", "torch"])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the compiled functions compute: a test that asks is run with them and without."""
    from fewtune.kernels import native

    if not request.param:
        monkeypatch.setattr(native, "library", lambda: None)
    elif native.library() is None:
        pytest.skip("no C compiler here")
    return request.param


@pytest.fixture
def with_compiler() -> None:
    """For a test of what only compiled functions do."""
    from fewtune.kernels import native

    if native.library() is None:
        pytest.skip("no C compiler here")
