"""The check of the installation sees what is missing or too old."""

from medlab import checks


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
