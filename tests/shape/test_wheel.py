"""The built wheel holds everything it needs: it works outside the clone."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "site")
    return out / "site"


def test_every_file_of_the_package_is_in_the_wheel(unpacked: Path) -> None:
    def files(root: Path) -> set[Path]:
        return {
            path.relative_to(root) for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        }

    assert files(unpacked / "fewtune") == files(ROOT / "src" / "fewtune")


def test_the_wheel_runs_from_another_folder(unpacked: Path, tmp_path: Path) -> None:
    code = (
        "import fewtune, sys; from importlib.resources import files; "
        f"assert fewtune.__file__.startswith({str(unpacked)!r}), fewtune.__file__; "
        "folder = files('fewtune.bundled'); "
        "assert all((folder / name).is_file() for name in ('messages_en.csv', 'messages_vi.csv', 'messages.md')); "
        "from fewtune.cli.main import run; sys.exit(run(['methods']) or run(['tasks']) or run(['templates']))"
    )
    # The unpacked wheel comes first on the path, before the editable install.
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(unpacked)!r}); {code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "lora" in result.stdout and "classification" in result.stdout
    assert "sentiment_vi" in result.stdout
