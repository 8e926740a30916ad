"""The package `lakehouse`: sources in lib/, console script `lakehouse`, conf/ as package data of the wheel.

Tool settings and the build system are in pyproject.toml. Exact versions are in requirements/.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithConf(build_py):
    """Adds conf/ to the wheel as lakehouse/conf, and an __init__.py to packages without one.

    Declaring it as a package (`package_dir={"lakehouse.conf": "conf"}`) gives the same wheel, but turns the
    editable install into an import hook, which type checkers and editors do not follow.
    """

    def run(self) -> None:
        """Build; an editable install reads conf/ in the checkout and gets no copy."""
        if not self.editable_mode:
            # What was deleted in the checkout must not come back out of an older build/.
            shutil.rmtree(Path(self.build_lib, "lakehouse"), ignore_errors=True)
        super().run()
        if not self.editable_mode:
            # A folder of modules is a package everywhere but in an archive (--py-files). One that git left empty has
            # not come along.
            for folder in (Path(self.build_lib, *package.split(".")) for package in self.packages):
                if folder.is_dir():
                    (folder / "__init__.py").touch()
            shutil.copytree(ROOT / "conf", Path(self.build_lib, "lakehouse", "conf"))

    def get_source_files(self) -> list[str]:
        """Name the sources; conf/ is one of them, so that a source distribution can build the same wheel."""
        conf = (path for path in (ROOT / "conf").rglob("*") if path.is_file())
        return [*super().get_source_files(), *(str(path.relative_to(ROOT)) for path in sorted(conf))]


setup(
    name="lakehouse",
    version="0.1.0",
    description="Daily deliveries to bronze, silver and gold Delta tables, checked on the way",
    python_requires=">=3.10,<3.13",
    package_dir={"": "lib"},
    packages=find_namespace_packages("lib", include=["lakehouse*"], exclude=["*.__pycache__"]),
    package_data={"lakehouse": ["py.typed", "**/*.sql", "*.properties", "**/*.html", "**/*.csv", "**/*.json"]},
    # What runs it, as ranges; the same names as in requirements/main.in (tests/test_build.py compares them).
    install_requires=[
        "pydeequ>=1.7,<2",
        "pandas<3",
        "pydantic>=2",
        "PyYAML",
        "sqlglot",
        "typer",
        "rich",
        "deltalake>=1.6,<2",
        # The delta extension is built for one DuckDB version each.
        "duckdb>=1.5,<1.6",
        "duckdb-extensions",
        "duckdb-extension-delta>=1.5,<1.6",
        "fsspec",
        "obstore>=0.11,<0.13",
    ],
    # Managed platforms bring their own builds of these; installing the wheel there must not replace them.
    extras_require={
        "spark": ["pyspark>=3.5.0,<3.6", "delta-spark>=3.3.0,<3.4"],
        "report": ["vl-convert-python>=1.9,<1.10", "Jinja2"],
    },
    entry_points={
        "console_scripts": ["lakehouse = lakehouse.cli:main"],
        "airflow.plugins": ["lakehouse = lakehouse.orchestration.notes:LakehousePlugin"],
    },
    cmdclass={"build_py": BuildWithConf},
)
