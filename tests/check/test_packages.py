import os
from pathlib import Path

import pytest

from pipeline.check.packages import Packages


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    (folder / "one-1.0.dist-info").mkdir(parents=True)
    (folder / "one").mkdir()
    return folder


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    return tmp_path / "bin" / "tool"


def set_times(count: int, *folders: Path) -> None:
    """Times that differ, where the clock of a file system is too coarse for a test."""
    for folder in folders:
        os.utime(folder, ns=(count, count))


@pytest.mark.parametrize("settled_s", [-1000.0, 2.0])
def test_what_is_installed_and_upgraded_is_seen(site: Path, tool: Path, settled_s: float) -> None:
    packages = Packages(settled_s=settled_s)
    seen = [packages.digest(tool)]
    (site / "two-1.0.dist-info").mkdir()
    set_times(1, site)
    seen.append(packages.digest(tool))
    (site / "two-1.0.dist-info").rename(site / "two-1.1.dist-info")
    set_times(2, site)
    seen.append(packages.digest(tool))
    (site / "two-1.1.dist-info").rmdir()
    other = site.parents[1] / "python3.12" / "site-packages"
    (other / "two-1.0.egg-info").mkdir(parents=True)
    set_times(3, site, site.parents[1])
    seen.append(packages.digest(tool))
    assert len(set(seen)) == 4
    assert packages.digest(tool) == seen[-1]


def test_what_is_no_package_does_not_count(site: Path, tool: Path) -> None:
    packages = Packages()
    before = packages.digest(tool)
    (site / "__pycache__").mkdir()
    (site / "module.py").touch()
    (site.parents[1] / "perl5" / "site-packages" / "x.pth").mkdir(parents=True)
    assert packages.digest(tool) == before


def test_without_python_there_are_none(tmp_path: Path) -> None:
    assert Packages().digest(tmp_path / "bin" / "tool") == ""
    (tmp_path / "lib").touch()
    assert Packages().digest(tmp_path / "bin" / "tool") == ""


def test_a_settled_directory_is_read_once(site: Path, tool: Path) -> None:
    packages = Packages(settled_s=-1000.0)
    first = packages.digest(tool)
    # The content changes behind the back of the directory's times: only a reading would tell.
    (site / "two-1.0.dist-info").mkdir()
    times = site.stat()
    state = (times.st_ino, times.st_mtime_ns, times.st_ctime_ns)
    packages._known[str(site)] = (state, packages._known[str(site)][1])
    assert packages.digest(tool) == first
    set_times(1, site)
    assert packages.digest(tool) != first
