"""Stand-ins for the three packages, with the calls we make and what each would refuse, for machines that do not have them.

They are no proof that the real packages take these calls: `make track` installs those and runs `test_real.py` against them.
"""

import re
import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@dataclass
class Kept:
    """What a tracker was told."""

    options: dict[str, str] = field(default_factory=dict)
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    final: dict[str, float] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    starts: list[Any] = field(default_factory=list)
    ends: list[Any] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, value: float, step: int) -> None:
        assert isinstance(value, float) and isinstance(step, int), (name, value, step)
        assert re.fullmatch(r"[\w\-./ :]+", name), name  # MLflow's rule, the strictest
        self.curves.setdefault(name, []).append((step, value))


def install(monkeypatch: pytest.MonkeyPatch, tracker: str) -> Kept:
    """Put the stand-in for `tracker` where Python looks for it."""
    kept = Kept()
    for name, content in {"mlflow": _mlflow, "wandb": _wandb, "tensorboard": _tensorboard}[tracker](kept).items():
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return kept


def _mlflow(kept: Kept) -> dict[str, dict[str, Any]]:
    class MlflowClient:
        def __init__(self, tracking_uri: str | None = None) -> None:
            self.tracking_uri = tracking_uri or "sqlite:///mlflow.db"
            kept.starts.append(self.tracking_uri)

        def get_experiment_by_name(self, name: str) -> None:
            return None

        def create_experiment(self, name: str, artifact_location: str | None = None) -> str:
            return "1"

        def create_run(self, experiment_id: str, run_name: str, tags: dict[str, str]) -> Any:
            kept.starts.append(run_name)
            kept.tags.update(tags)
            return SimpleNamespace(info=SimpleNamespace(run_id="abc"))

        def log_batch(self, run_id: str, metrics: Any = (), params: Any = ()) -> None:
            assert run_id == "abc" and len(metrics) <= 1000 and len(params) <= 100
            for each in params:
                assert len(each.value) <= 500 and each.key not in kept.options
                kept.options[each.key] = each.value
            for each in metrics:
                assert each.timestamp > 1e12  # milliseconds
                kept.number(each.key, each.value, each.step)

        def set_tag(self, run_id: str, key: str, value: str) -> None:
            assert run_id == "abc" and isinstance(value, str)
            kept.tags[key] = value

        def log_artifact(self, run_id: str, local_path: str) -> None:
            kept.files.append(re.split(r"[\\/]", local_path)[-1])

        def set_terminated(self, run_id: str, status: str) -> None:
            kept.ends.append(status)

    def metric(key: str, value: float, timestamp: int, step: int) -> Any:
        return SimpleNamespace(key=key, value=value, timestamp=timestamp, step=step)

    def param(key: str, value: str) -> Any:
        return SimpleNamespace(key=key, value=value)

    return {
        "mlflow": {},
        "mlflow.tracking": {"MlflowClient": MlflowClient},
        "mlflow.entities": {"Metric": metric, "Param": param},
    }


def _wandb(kept: Kept) -> dict[str, dict[str, Any]]:
    class Run:
        offline, disabled, id, url = True, False, "w1", None

        def __init__(self, directory: str) -> None:
            from pathlib import Path

            self.dir = str(Path(directory) / "wandb")
            Path(self.dir).mkdir(exist_ok=True)
            self.summary = kept.final

        def log(self, numbers: dict[str, float], step: int) -> None:
            for name, value in numbers.items():
                kept.number(name, value, step)

        def finish(self, exit_code: int) -> None:
            from pathlib import Path

            kept.files += sorted(path.name for path in Path(self.dir).iterdir())
            kept.ends.append(exit_code)

    def init(**options: Any) -> Run:
        kept.starts.append(options)
        kept.options.update(options["config"])
        return Run(options["dir"])

    return {"wandb": {"init": init, "Settings": lambda **options: options}}


def _tensorboard(kept: Kept) -> dict[str, dict[str, Any]]:
    class SummaryWriter:
        def __init__(self, log_dir: str, purge_step: int | None = None) -> None:
            kept.starts.append((log_dir, purge_step))

        def add_text(self, tag: str, text: str) -> None:
            kept.options.update(line.strip().split(": ", 1) for line in text.splitlines())

        def add_scalar(self, name: str, value: float, step: int) -> None:
            kept.number(name, value, step)

        def flush(self) -> None: ...

        def close(self) -> None:
            kept.ends.append("closed")

    return {"tensorboard": {}, "torch.utils.tensorboard": {"SummaryWriter": SummaryWriter}}
