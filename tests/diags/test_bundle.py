"""One file that anybody can open, that says what it lacks, and that has a bound."""

import io
import json
import os
import tarfile

from calico_agent.diags.bundle import MOST_OF_A_FILE, Bundle, BundlePart


def opened(content: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = tar.getmembers()
        assert all(member.isfile() and member.mode == 0o600 for member in members)
        return {
            member.name.partition("/")[2]: (tar.extractfile(member) or io.BytesIO()).read().decode()
            for member in members
        }


def noise(size: int) -> str:
    """Text that cannot be compressed much."""
    return os.urandom(size // 2).hex()


def test_text_documents_and_lines_are_files_and_the_list_tells_them() -> None:
    bundle = Bundle("x")
    bundle.add(BundlePart("a.txt", "hello\n"), ())
    bundle.add(BundlePart("b.json", document={"z": 1}), ())
    bundle.add(BundlePart("c.jsonl", lines=[{"n": 1}, {"n": 2}]), ())
    bundle.add(BundlePart("d.txt", trouble="it is not there"), ())
    found = opened(bundle.finish("the head\n"))
    assert found["a.txt"] == "hello\n"
    assert json.loads(found["b.json"]) == {"z": 1}
    assert [json.loads(line) for line in found["c.jsonl"].splitlines()] == [{"n": 1}, {"n": 2}]
    assert found["README.txt"].startswith("the head\n")
    assert "d.txt    MISSING: it is not there" in found["README.txt"]
    assert (bundle.files, bundle.missing) == (3, 1)


def test_secrets_of_the_host_are_hidden_in_all_of_it() -> None:
    bundle = Bundle("x")
    bundle.add(BundlePart("a.txt", "correct horse"), ["correct horse"])
    bundle.add(BundlePart("b.json", document=["correct horse"]), ["correct horse"])
    bundle.add(BundlePart("c.txt", trouble="correct horse"), ["correct horse"])
    assert all("horse" not in text for text in opened(bundle.finish("")).values())


def test_it_is_never_larger_than_its_bound_and_says_what_had_no_room() -> None:
    bundle = Bundle("x", most=1 << 20)
    for number in range(20):
        bundle.add(BundlePart(f"{number}.txt", noise(300_000)), ())
    bundle.add(BundlePart("small.txt", "it still fits"), ())
    content = bundle.finish("")
    found = opened(content)
    assert len(content) <= 1 << 20
    assert "0.txt" in found
    assert found["small.txt"] == "it still fits"
    assert "19.txt     MISSING: there is no room left for it" in found["README.txt"]


def test_what_can_be_compressed_has_room() -> None:
    bundle = Bundle("x", most=1 << 20)
    bundle.add(BundlePart("a.txt", "all the same\n" * 200_000), ())
    assert len(opened(bundle.finish(""))["a.txt"]) == 13 * 200_000


def test_one_file_is_cut_at_its_own_bound() -> None:
    bundle = Bundle("x")
    bundle.add(BundlePart("a.txt", "x" * (MOST_OF_A_FILE + 1)), ())
    text = opened(bundle.finish(""))["a.txt"]
    assert len(text) == MOST_OF_A_FILE
    assert text.endswith("larger than the bundle may be\n")
