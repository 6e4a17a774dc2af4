"""`fewtune env`: what would be used, to read and to paste into a report."""

import torch

from cli.terminal import Command
from fewtune.engine.precision import choose_device, choose_precision
from fewtune.record.environment import PACKAGES
from fewtune.settings import HardwareConfig


def test_as_json(fewtune: Command):
    done = fewtune("env", "--json")
    assert (done.code, done.err) == (0, "")
    device = choose_device(HardwareConfig())
    assert done.json["device"] == device
    assert done.json["precision"] == choose_precision(HardwareConfig(), device).name
    assert done.json["threads"] == torch.get_num_threads()
    assert set(done.json["versions"]) == set(PACKAGES)
    assert "command" not in done.json


def test_in_words(fewtune: Command):
    done = fewtune("env")
    assert (done.code, done.err) == (0, "")
    found = {line.split()[0]: line.split(maxsplit=1)[1] for line in done.out.splitlines()}
    about = fewtune("env", "--json").json
    assert {name: found[name] for name in PACKAGES} == {
        name: about["versions"][name] or "not installed" for name in PACKAGES
    }
    assert found["precision"] == about["precision"]
    assert found["python"] == about["python"]
    assert "None" not in done.out
