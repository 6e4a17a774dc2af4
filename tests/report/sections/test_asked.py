"""Options as people write them in run.yaml, and the task by its name."""

import pytest

from fewtune.report.run import Run
from fewtune.report.sections.asked import section
from fewtune.report.words import Words
from report.run_folders import write_run


@pytest.mark.parametrize(("language", "task"), [("en", "classification"), ("vi", "phân loại (classification)")])
def test_the_task_and_its_own_options(tmp_path, language, task):
    run = Run.read(write_run(tmp_path / "run"))
    own = {"name": "x", "separator": [], "places": {}, "at_least_one": True, "weights": {"a": 1}, "max_length": 512}
    object.__setattr__(run, "settings", {**run.settings, "task": own})
    options = {option.name: option for option in section(run, Words(language)).options}
    found = options[Words(language)("task")]
    assert found.value == task
    assert found.details == ("at_least_one = true", "max_length = 512")
