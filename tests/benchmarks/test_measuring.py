"""What a command costs, and what the benchmark is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bench import parse
from benchmarks.history import order
from benchmarks.landings import arrived, copied, correct, day_file, generate

ROOT = Path(__file__).resolve().parents[2]
BUSY = "import time; held = bytearray(120_000_000)\nwhile time.process_time() < 0.7: pass\nprint('done')"


def test_cpu_and_memory_of_grandchildren_count() -> None:
    child = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {BUSY!r}]).returncode + 3)"
    # In a process of its own: measuring ends when the last child has ended, and this process may have a Spark driver.
    asked = (
        f"import json, sys\nfrom benchmarks.measuring import measure\nc = measure([sys.executable, '-c', {child!r}])"
    )
    told = f"{asked}\nprint(json.dumps([c.exit_code, c.printed, c.cpu, c.wall, c.peak_mb]))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    exit_code, printed, cpu, wall, peak_mb = json.loads(done.stdout)
    assert (exit_code, printed) == (3, "done\n")
    assert 0.7 <= cpu < 3
    assert wall >= 0.7
    assert peak_mb > 115


def test_generated_days_are_the_same_each_time_and_some_are_copied(tmp_path: Path) -> None:
    one, two = generate(tmp_path / "a", 2, 100), generate(tmp_path / "b", 2, 100)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert one[0].relative_to(tmp_path / "a").as_posix() == "billing/year=2025/month=01/day=01/usage-1.csv"
    copied(tmp_path / "a", [1], tmp_path / "c")
    assert not day_file(tmp_path / "c", 0).exists()
    assert day_file(tmp_path / "c", 1).read_bytes() == one[1].read_bytes()


def test_what_arrives_is_there_for_a_while_and_what_it_replaced_is_there_again(tmp_path: Path) -> None:
    news = [tmp_path / "one", tmp_path / "two"]
    for path in news:
        path.write_text(f"new {path.name}")
    old, fresh = tmp_path / "zone/old.csv", tmp_path / "zone/day/fresh.csv"
    old.parent.mkdir()
    old.write_text("old")
    with arrived(zip(news, [old, fresh], strict=True)):
        assert (old.read_text(), fresh.read_text()) == ("new one", "new two")
    assert (old.read_text(), fresh.exists()) == ("old", False)
    with arrived([(news[1], fresh)], stay=True):
        pass
    assert [path.name for path in sorted((tmp_path / "zone").rglob("*.csv"))] == ["fresh.csv", "old.csv"]


def test_a_correction_changes_each_hundredth_amount(tmp_path: Path) -> None:
    (original,) = generate(tmp_path / "a", 1, 300)
    before = original.read_text("utf-8").splitlines()
    correct(original)
    after = original.read_text("utf-8").splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 3
    assert all(",-77.25," in line for line in changed)


def test_a_session_that_gets_faster_favours_no_history() -> None:
    assert list(order([30, 480, 120], 2)) == [
        (30, -1), (480, 0), (120, 0), (30, 0), (30, 1), (120, 1), (480, 1),
    ]  # fmt: skip


def test_quick_is_small_and_what_is_given_counts() -> None:
    options = parse(["--quick", "--rows", "700", "--only", "full,startup"])
    assert (options.days, options.rows, options.history, options.only) == (3, 700, [4, 8, 16], ["full", "startup"])
    assert (parse([]).days, parse([]).rows, parse([]).history) == (30, 100_000, [30, 120, 480])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "speed"], "argument --only: unknown: speed; there are startup, full, history, long, increments"),
        (["--history", "30"], "--history takes two numbers of days at least, each 4 or more"),
        (["--history", "2,30"], "--history takes two numbers of days at least, each 4 or more"),
    ],
)
def test_wrong_options_are_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert message in capsys.readouterr().err
