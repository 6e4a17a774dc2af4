"""What an auditor asks for: every file's fingerprint, and what is not known said so."""

import hashlib

from report.pages import page
from report.run_folders import write_run


def test_fingerprints_of_data_base_and_result(tmp_path):
    folder = write_run(tmp_path / "run")
    text = page(folder).text
    for said in (
        "Data: /data/messages_en.csv SHA-256 " + "53674f7949f3ab07" * 4,
        "Base model: model.safetensors SHA-256 " + "53aa51172d142c89" * 4,
        "Result: adapter/adapter_model.safetensors SHA-256 " + hashlib.sha256(b"weights").hexdigest(),
        "Licence of the base model apache-2.0",
        "Languages, by its card en",
        "Started (UTC) 2026-11-21 12:00:00",
        "Command fewtune train 'my messages.csv'",
        "Revision not known",
    ):
        assert said in text, said


def test_what_is_not_known_is_said_so(tmp_path):
    text = page(write_run(tmp_path / "run", base=None, revision="a" * 40)).text
    assert "Licence of the base model not known" in text
    assert "Revision " + "a" * 40 in text
    assert "Languages" not in text
