"""What a program finds around it: allowed variables, and the file that a name stands for."""

from pipeline.base.process import DEFAULT_ALLOW, build_environment, capture, which

SOURCE = {
    "PATH": "/bin",
    "LC_ALL": "C",
    "LC_TIME": "de",
    "LCX": "no",
    "SECRET_TOKEN": "s",
    "GIT_DIR": "/elsewhere",
    "GIT_INDEX_FILE": "/elsewhere/index",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.hooksPath",
    "GIT_AUTHOR_NAME": "A",
}


def test_only_what_is_allowed_passes():
    built = build_environment(["PATH", "LC_*", "ABSENT"], {}, source=SOURCE)
    assert built == {"PATH": "/bin", "LC_ALL": "C", "LC_TIME": "de"}


def test_default_lets_no_secret_through():
    built = build_environment(DEFAULT_ALLOW, {}, source=SOURCE)
    assert built == {"PATH": "/bin", "LC_ALL": "C", "LC_TIME": "de"}


def test_values_come_last():
    built = build_environment(["PATH"], {"PATH": "/mine", "GIT_DIR": "/d"}, source=SOURCE)
    assert built == {"PATH": "/mine", "GIT_DIR": "/d"}


def test_pattern_does_not_let_through_what_binds_git():
    assert build_environment(["GIT_*"], {}, source=SOURCE) == {"GIT_AUTHOR_NAME": "A"}
    everything = build_environment(["*"], {}, source=SOURCE)
    assert not {"GIT_DIR", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0"} & {*everything}
    assert everything["SECRET_TOKEN"] == "s"


def test_name_lets_through_even_what_binds_git():
    assert build_environment(["GIT_DIR"], {}, source=SOURCE) == {"GIT_DIR": "/elsewhere"}


def test_everything_that_git_calls_local_is_dropped(tmp_path, env):
    names = capture(["git", "rev-parse", "--local-env-vars"], cwd=tmp_path, env=env).out.decode()
    source = dict.fromkeys(names.split(), "x")
    assert len(source) > 10
    assert build_environment(["*"], {}, source=source) == {}


def test_source_is_left_alone():
    source = dict(SOURCE)
    build_environment(["*"], {"PATH": "x"}, source=source)
    assert source == SOURCE


def _tool(path, mode=0o755):
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_which_takes_the_given_path(tmp_path):
    _tool(tmp_path / "a" / "tool", 0o644)
    (tmp_path / "c" / "tool").mkdir(parents=True)
    wanted = _tool(tmp_path / "b" / "tool")
    path = f"{tmp_path}/none:{tmp_path}/a:{tmp_path}/c:{tmp_path}/b"
    assert which("tool", path=path, cwd=tmp_path) == wanted
    assert which("tool", path=f"{tmp_path}/a", cwd=tmp_path) is None
    assert which("", path=path, cwd=tmp_path) is None


def test_which_is_relative_to_the_directory(tmp_path):
    wanted = _tool(tmp_path / "bin" / "tool")
    assert which("tool", path="bin", cwd=tmp_path) == wanted
    assert which("bin/tool", path="/nowhere", cwd=tmp_path) == wanted
    assert which("tool", path=":/nowhere", cwd=tmp_path / "bin") == wanted
    assert which(str(wanted), path="", cwd=tmp_path) == wanted
