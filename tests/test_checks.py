"""The check of the installation sees what is missing or too old."""

from medlab import checks
from medlab.metrics import Interval


def test_this_installation_is_complete():
    table = checks.installation()
    assert table["ok"].all(), table[~table["ok"]]
    assert {"python", "torch", "papermill"} <= set(table["package"])


def test_missing_old_and_foreign_packages(tmp_path):
    listed = tmp_path / "requirements.txt"
    listed.write_text(
        "# a comment\nnumpy>=1,<3  # all\nno-such-package>=1\npandas>=99\n-e .\nwinonly>=1; sys_platform == 'nowhere'\n"
    )
    table = checks.installation(listed).set_index("package")
    assert table["ok"].to_dict() == {"python": True, "numpy": True, "no-such-package": False, "pandas": False}
    assert table.loc["no-such-package", "found"] == ""


def test_interval_prints_and_checks_itself():
    import pytest

    assert str(Interval(0.931, 0.904, 0.952)) == "0.93 (0.90–0.95)"
    with pytest.raises(ValueError, match="low to high"):
        Interval(0.5, 0.6, 0.4)
