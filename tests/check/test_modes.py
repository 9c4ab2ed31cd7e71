import pytest

from pipeline.check.modes import leads_inside


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (b"a", b"b"),
        (b"src/a", b"../b"),
        (b"src/a", b"./x/../y"),
        (b"a/b/c", b"../../d/e"),
        (b"a", b"gone/for/now"),
    ],
)
def test_a_link_into_the_repository(path: bytes, target: bytes) -> None:
    assert leads_inside(path, target)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (b"a", b""),
        (b"a", b"/etc/passwd"),
        (b"a", b"../b"),
        (b"src/a", b"../../b"),
        (b"src/a", b"x/../../../src/b"),
        (b"src/a", b".."),
        (b"a", b"."),
        (b"a", b".git/config"),
        (b"src/a", b"../.GIT/hooks"),
        (b"a", b"b\0c"),
        (b"a", b"C:/x"),
        (b"a", b"..\\x"),
    ],
)
def test_a_link_that_leads_away(path: bytes, target: bytes) -> None:
    assert not leads_inside(path, target)
