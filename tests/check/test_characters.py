import pytest

from pipeline.check.characters import has_mixed_scripts, has_stray_joiner


@pytest.mark.parametrize(
    "text",
    [
        "is_\u0430dmin",  # a whole word but for its first letter
        "p\u0430ypal",
        "s\u03bfrt",
        "is_\u0430",  # a part that looks Latin altogether
        "\u0440\u0430\u0443_load",
        "\uff50\u0430y",
    ],
)
def test_a_word_in_disguise_is_mixed(text: str) -> None:
    assert has_mixed_scripts(f"def {text}(): pass")


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "test_\u043f\u0440\u0438\u0432\u0435\u0442",
        "\u043f\u0440\u0438\u0432\u0435\u0442 world",
        "\u0394t",
        "\u03bb_max",
        "\u00b5s",
        "Python\u306e\u672c",
        "na\u00efve",
    ],
)
def test_an_honest_word_is_not(text: str) -> None:
    assert not has_mixed_scripts(text)


@pytest.mark.parametrize(
    "text",
    ["a\u200db", "\u200d", "\u263a\ufe01\ufe02", "x\ufe0f", "1\ufe0f2", "\u4f60\u200d\u200d"],
)
def test_a_joiner_with_nothing_to_join_is_stray(text: str) -> None:
    assert has_stray_joiner(text)


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\U0001f468\u200d\U0001f469",
        "\u2764\ufe0f\u200d\U0001f525",
        "\u26a0\ufe0f",
        "1\ufe0f\u20e3",
        "no joiner",
    ],
)
def test_a_joiner_at_work_is_not(text: str) -> None:
    assert not has_stray_joiner(text)
