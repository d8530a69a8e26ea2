"""What dockerd says while it pulls, added up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.act.pull_progress import PullProgress, reason_of


def line(name: str, status: str, current: int = 0, total: int = 0, progress: str = "") -> dict[str, object]:
    said: dict[str, object] = {"status": status, "id": name, "progressDetail": {}}
    if current:
        detail = {"current": current, "total": total} if total else {"current": current}
        said |= {"progressDetail": detail, "progress": progress or f"[=>] {current}B/{total}B"}
    return said


def fed(*lines: object) -> tuple[PullProgress, list[bool]]:
    progress = PullProgress()
    return progress, [progress.follow(each) for each in lines]


def test_layers_and_bytes_are_added_up() -> None:
    progress, moved = fed(
        {"status": "Pulling from calico/node", "id": "v3.31.7"},
        line("a", "Pulling fs layer"),
        line("b", "Pulling fs layer"),
        line("c", "Already exists"),
        line("b", "Waiting"),
        line("a", "Downloading", 10, 100),
        line("b", "Downloading", 5, 20),
        line("a", "Verifying Checksum"),
        line("a", "Download complete"),
        line("a", "Extracting", 50, 100),
        line("a", "Pull complete"),
        {"status": "Digest: sha256:0123"},
        {"status": "Status: Downloaded newer image for calico/node:v3.31.7"},
    )
    assert progress.counts == (3, 2, 105, 120)
    assert moved == [False, False, False, True, False, True, True, True, True, True, True, False, False]


def test_a_layer_that_is_tried_again_does_not_get_on() -> None:
    _, moved = fed(
        line("a", "Downloading", 10, 100),
        *(line("a", f"Retrying in {seconds} seconds") for seconds in (3, 2, 1)),
        line("a", "Downloading", 10, 100),
        line("a", "Downloading", 11, 100),
    )
    assert moved == [True, False, False, False, False, True]


def test_unpacking_that_only_counts_seconds_gets_on() -> None:
    _, moved = fed(*(line("a", "Extracting", seconds, 0, f"{seconds} s") for seconds in (1, 1, 2)))
    assert moved == [True, False, True]


def test_a_layer_of_unknown_size_has_at_least_what_was_fetched() -> None:
    progress, _ = fed(line("a", "Downloading", 10))
    assert progress.counts == (1, 0, 10, 10)


def test_there_is_an_end_to_layers() -> None:
    progress, _ = fed(*(line(str(number), "Pulling fs layer") for number in range(2000)))
    assert progress.counts[0] == 512


ERRORS: dict[str, tuple[dict[str, object], str]] = {
    "the daemon's detail": ({"errorDetail": {"message": "manifest unknown"}, "error": "unknown"}, "manifest unknown"),
    "only a text": ({"error": "toomanyrequests: Too Many Requests"}, "toomanyrequests: Too Many Requests"),
    "an answer that is no stream": ({"message": "invalid reference format"}, "invalid reference format"),
    "nothing": ({}, "the Docker Engine gives no reason"),
    "several lines": ({"error": "denied:\n  requested access"}, "denied: requested access"),
    "a proxy with a password": (
        {"error": "proxyconnect tcp: http://me:secret@proxy.example:3128: refused"},
        "proxyconnect tcp: http://proxy.example:3128: refused",
    ),
}


@pytest.mark.parametrize(("answer", "reason"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_is_one_line_without_a_password(answer: dict[str, object], reason: str) -> None:
    assert reason_of(answer) == reason


def test_an_error_ends_it() -> None:
    with pytest.raises(ValueError, match="manifest unknown"):
        fed(line("a", "Pulling fs layer"), {"error": "manifest unknown"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(("status", "id", "progressDetail", "current")), inner)
    ),
    max_leaves=10,
)


@given(st.lists(JSON))
def test_any_lines_are_survived(lines: list[object]) -> None:
    progress, _ = fed(*lines)
    layers, done, fetched, size = progress.counts
    assert 0 <= done <= layers
    assert 0 <= fetched <= size
