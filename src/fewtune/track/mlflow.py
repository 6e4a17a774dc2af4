"""MLflow: a run with its options as parameters, its curves and final scores as metrics, and its files as artifacts.

Only MLflow's client is used, so nothing of MLflow's global state (active run, tracking URI) is touched.
"""

import time
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

from fewtune.record.event import Event
from fewtune.record.folder import RunFolder
from fewtune.track._base import Listening, Tracker
from fewtune.track._facts import final_numbers, numbers, options, recall, remember

EVERY = 10.0
"""Seconds after which metrics that wait are sent, so that a distant server does not slow the steps down."""
MOST = 900
"""Metrics sent at once; a server takes 1,000."""
PARAMETERS = 100
"""Parameters sent at once; a server takes 100."""


class Mlflow(Tracker):
    """A run in an MLflow store or server."""

    name: Literal["mlflow"] = "mlflow"
    uri: str | None = None
    """Where: a server (`http://…`) or a file (`sqlite:///mlflow.db`); empty: what MLflow is set to (MLFLOW_TRACKING_URI)."""
    experiment: str = "fewtune"
    """Experiment to put the run in; made if it does not exist."""
    artifacts: str | None = None
    """Where a new experiment keeps its files, a folder or an address; empty: MLflow's own choice."""
    files: tuple[str, ...] = ("run.yaml", "plan.json", "scores.json", "report.html")
    """Files of the run folder to keep with the run. The report quotes texts; without it: `files: [scores.json]`."""

    module: ClassVar = "mlflow"
    package: ClassVar = "mlflow-skinny"

    def start(self, folder: RunFolder) -> Listening:
        """A new run in the store; the same one again after an interruption."""
        known = recall(folder, self.name)
        client = import_module("mlflow.tracking").MlflowClient(tracking_uri=known.get("uri", self.uri))
        if run := known.get("run"):
            client.set_terminated(run, "RUNNING")
            return _Logging(client, run, folder, self.files)
        experiment = client.get_experiment_by_name(self.experiment)
        number = experiment.experiment_id if experiment else client.create_experiment(self.experiment, self.artifacts)
        run = client.create_run(number, run_name=folder.path.resolve().name, tags=_tags(folder)).info.run_id
        param = import_module("mlflow.entities").Param
        parameters = [param(name, text) for name, text in options(folder).items()]
        for start in range(0, len(parameters), PARAMETERS):
            client.log_batch(run, params=parameters[start : start + PARAMETERS])
        remember(folder, self.name, {"uri": client.tracking_uri, "experiment": self.experiment, "run": run})
        return _Logging(client, run, folder, self.files)


def _tags(folder: RunFolder) -> dict[str, str]:
    """What the list of runs shows as the source, and the version; with `fewtune.verdict` at the end runs can be searched."""
    versions = folder.read_environment().get("versions", {}) if folder.environment.exists() else {}
    version = versions.get("fewtune") or "unknown"
    return {"mlflow.source.name": "fewtune", "mlflow.source.type": "LOCAL", "fewtune.version": version}


class _Logging(Listening):
    def __init__(self, client: Any, run: str, folder: RunFolder, files: tuple[str, ...]) -> None:
        self.client, self.run, self.folder, self.files = client, run, folder, files
        self.waiting: list[tuple[str, float, int, int]] = []
        self.sent = time.monotonic()
        self.step = 0

    def __call__(self, event: Event) -> None:
        self.step = event.step or self.step
        found = final_numbers(self.folder.read_scores()) if event.kind == "done" else numbers(event)
        now = round(time.time() * 1000)
        self.waiting += [(name, value, now, self.step) for name, value in found.items()]
        if event.kind != "step" or len(self.waiting) >= MOST or time.monotonic() - self.sent > EVERY:
            self._send()
        if event.kind == "done":
            self.client.set_tag(self.run, "fewtune.verdict", self.folder.read_scores().verdict)
            for path in (Path(self.folder.path / name) for name in self.files):
                if path.exists():
                    self.client.log_artifact(self.run, str(path))

    def close(self, *, finished: bool) -> None:
        self._send()
        self.client.set_terminated(self.run, "FINISHED" if finished else "KILLED")

    def _send(self) -> None:
        metric = import_module("mlflow.entities").Metric
        while self.waiting:
            part, self.waiting = self.waiting[:MOST], self.waiting[MOST:]
            self.client.log_batch(self.run, metrics=[metric(*each) for each in part])
        self.sent = time.monotonic()
