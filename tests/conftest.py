"""No test leaves anything in the caches of whoever runs it."""

from pathlib import Path

import pytest
from huggingface_hub import constants


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What fewtune itself keeps (tokens, converted weights) goes beside the tests; the Hub's own cache is elsewhere."""
    constants.HF_HOME = str(tmp_path_factory.mktemp("home") / Path(constants.HF_HOME).name)
