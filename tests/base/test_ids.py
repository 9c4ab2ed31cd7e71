import threading

from pipeline.base.ids import IdGenerator, is_id, new_id


def test_ids_have_the_form_of_a_lower_case_ulid() -> None:
    made = [new_id() for _ in range(100)]

    assert all(is_id(text) and len(text) == 26 and text == text.lower() for text in made)


def test_the_time_is_the_first_ten_characters() -> None:
    # The specification's example: 01ARYZ6S41… is 1469918176385 ms.
    assert IdGenerator().new(1469918176385)[:10] == "01aryz6s41"


def test_ids_of_one_millisecond_grow() -> None:
    generator = IdGenerator()
    made = [generator.new(1_000) for _ in range(1_000)]

    assert made == sorted(set(made))


def test_ids_grow_when_the_clock_goes_back() -> None:
    generator = IdGenerator()

    assert generator.new(5_000) < generator.new(4_000) < generator.new(1)


def test_an_exhausted_millisecond_borrows_the_next() -> None:
    generator = IdGenerator()
    first = generator.new(7)
    generator._random = (1 << 80) - 1

    assert first < generator.new(7) < generator.new(7)


def test_threads_never_share_an_id() -> None:
    generator = IdGenerator()
    made: list[list[str]] = [[] for _ in range(8)]

    def work(own: list[str]) -> None:
        own.extend(generator.new(1) for _ in range(500))

    threads = [threading.Thread(target=work, args=(own,)) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({text for own in made for text in own}) == 4_000
    assert all(own == sorted(own) for own in made)


def test_other_texts_are_no_ids() -> None:
    good = new_id()

    for text in ("", good[:-1], good + "0", good.upper(), "8" + good[1:], good[:-1] + "u"):
        assert not is_id(text)
