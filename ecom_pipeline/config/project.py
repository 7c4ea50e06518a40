"""Finds the files of the package that are not Python."""

from pathlib import Path


def project_directory() -> Path:
    """The directory of `sql` and `dagster.yaml`.

    The root of a checkout; in what was installed from a wheel, a directory of the package.
    """
    package = Path(__file__).resolve().parents[1]
    packed = package / "project"
    return packed if packed.is_dir() else package.parent
