from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vso_controller.vault.window import FIRST, Window


def answer_a_round(window: Window) -> None:
    for _ in range(window.size):
        window.answered(inside=window.size)


def sizes_of(window: Window, rounds: int) -> list[int]:
    sizes = []
    for _ in range(rounds):
        answer_a_round(window)
        sizes.append(window.size)
    return sizes


def test_window_doubles_with_every_round_up_to_its_maximum() -> None:
    assert sizes_of(Window(maximum=32), 6) == [4, 8, 16, 32, 32, 32]


def test_congestion_halves_the_window_and_it_grows_slowly_from_there() -> None:
    window = Window(maximum=32)
    sizes_of(window, 5)

    window.congested()
    assert window.size == 16

    grown = sizes_of(window, 4)
    assert 18 <= grown[-1] <= 20


def test_answers_to_few_say_nothing_about_many() -> None:
    window = Window(maximum=32)
    sizes_of(window, 3)

    for _ in range(100):
        window.answered(inside=3)

    assert window.size == 16


def test_window_that_restarts_knows_nothing() -> None:
    window = Window(maximum=32)
    sizes_of(window, 5)
    window.congested()

    window.restart()

    assert window.size == FIRST
    assert sizes_of(window, 4) == [4, 8, 16, 32]


@given(
    maximum=st.integers(1, 50),
    told=st.lists(st.sampled_from(["answered", "congested", "restart"])),
)
def test_window_stays_between_one_and_its_maximum(
    maximum: int, told: list[str]
) -> None:
    window = Window(maximum=maximum)

    for what in told:
        if what == "answered":
            window.answered(inside=window.size)
        else:
            getattr(window, what)()

        assert 1 <= window.size <= maximum
