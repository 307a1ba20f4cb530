"""Moving to the versions of another day."""

from datetime import date
from pathlib import Path

import versions


def test_the_day_is_moved_where_it_stands(tmp_path: Path) -> None:
    copy = tmp_path / "pyproject.toml"
    text = versions.PYPROJECT.read_text(encoding="utf-8")
    [former] = versions.DAY.findall(text)
    copy.write_text(text, encoding="utf-8")

    assert versions.move(copy, date(2030, 1, 2)) == f"exclude-newer: {former} -> 2030-01-02"

    assert copy.read_text(encoding="utf-8") == text.replace(former, "2030-01-02")


def test_what_has_changed_is_told() -> None:
    before, after = {"kept": "1", "moved": "1", "gone": "1"}, {"kept": "1", "moved": "2", "new": "1"}

    assert versions.changes(before, after) == ["gone: 1 -> none", "moved: 1 -> 2", "new: none -> 1"]


def test_a_wrong_day_is_answered_with_what_to_type() -> None:
    assert versions.main(["tomorrow"]) == "tomorrow is no day. Say it as in: make versions DAY=2026-12-01"
