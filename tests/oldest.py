"""Print the oldest versions the course allows, as pip constraints: `make oldest` runs the suite with them."""

import tomllib

from packaging.requirements import Requirement

from tests import notebooks


def main() -> None:
    lines = (notebooks.REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [text for text in (line.split("#")[0].strip() for line in lines) if text and not text.startswith("-")]
    project = tomllib.loads((notebooks.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in listed + project["optional-dependencies"]["test"]:
        requirement = Requirement(text)
        (oldest,) = [bound.version for bound in requirement.specifier if bound.operator == ">="]
        print(f"{requirement.name}=={oldest}")


if __name__ == "__main__":
    main()
