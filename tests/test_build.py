"""The build: what the wheel holds, what the locks promise, what the Makefile says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

from lakehouse.samples import DOMAINS

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("main", "test", "airflow", "report", "bench", "tools")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
OFFLINE = ("--no-deps", "--no-index")

FAKE_LAKEHOUSE = """\
#!/bin/sh
for argument in "$@"; do echo "<$argument>"; done
case " $* " in *" failing "*) exit 3 ;; esac
"""


def files_below(folder: Path) -> set[str]:
    """Paths of the files below a folder, as they stand in a wheel; caches and build leftovers left out."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    made = re.compile(r"__pycache__$|.*\.egg-info$")
    return {path.as_posix() for path in paths if not any(made.match(part) for part in path.parts)}


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command without what this test run inherited from make."""
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "PYTHONPATH", "LAKEHOUSE_CONF"}
    inherited |= {"ARGS", "DOMAIN", "FROM", "LAKE", "LANDING", "OUT", "SQL", "TO"}
    clean = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=clean | env, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


# --- The wheel ---


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What a wheel is built from, in a copy: a build writes beside the sources."""
    return copied(tmp_path / "source")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built where an earlier build has left something."""
    source = copied(tmp_path_factory.mktemp("built") / "source")
    stale = source / "build" / "lib" / "lakehouse" / "conf" / "gone.yml"
    stale.parent.mkdir(parents=True)
    stale.touch()
    return built(source)


def copied(source: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("lib", "conf"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignore)
    for file in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / file, source)
    return source


def built(source: Path) -> Path:
    made = run(*PIP, "wheel", ".", *OFFLINE, "--no-build-isolation", "--wheel-dir", "dist", cwd=source)
    assert made.returncode == 0, made.stdout + made.stderr
    (path,) = (source / "dist").glob("lakehouse-*.whl")
    return path


def test_wheel_holds_every_package_and_the_whole_conf(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = files_below(ROOT / "lib") | {f"lakehouse/conf/{name}" for name in files_below(ROOT / "conf")}
    assert "lakehouse/conf/jars.xml" in names
    assert names == expected


def test_a_domain_without_init_files_works_out_of_a_wheel_too(source: Path) -> None:
    folder = source / "lib" / "lakehouse" / "domains" / "shop" / "silver"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "orders.py").write_text("ONE = 1\n")
    (folder / "__pycache__" / "orders.cpython-311.pyc").touch()
    wheel = built(source)
    with zipfile.ZipFile(wheel) as archive:
        assert [name for name in archive.namelist() if "/shop/" in name] == [
            "lakehouse/domains/shop/__init__.py",
            "lakehouse/domains/shop/silver/__init__.py",
            "lakehouse/domains/shop/silver/orders.py",
        ]
    what = "from lakehouse.domains.shop.silver.orders import ONE; print(ONE)"
    found = run(sys.executable, "-c", what, cwd=source.parent, PYTHONPATH=str(wheel))
    assert (found.stdout, found.stderr) == ("1\n", "")


def test_folders_that_git_left_empty_are_no_packages(source: Path) -> None:
    """A branch without a domain leaves its folders behind, with what Python had compiled in them."""
    cache = source / "lib" / "lakehouse" / "domains" / "old" / "gold" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / "orders.cpython-311.pyc").touch()
    (source / "lib" / "lakehouse" / "domains" / "empty").mkdir()
    with zipfile.ZipFile(built(source)) as archive:
        names = archive.namelist()
    assert "lakehouse/domains/billing/silver/usage.py" in names
    assert [name for name in names if "/old/" in name or "/empty/" in name] == []


def test_conf_is_not_copied_into_the_sources() -> None:
    assert not (ROOT / "lib" / "lakehouse" / "conf").exists()


def test_installed_wheel_finds_its_conf(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    installed = run(*PIP, "install", wheel, *OFFLINE, "--target", target, cwd=tmp_path)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    where = "from lakehouse.contracts.locations import conf_dir; print(conf_dir())"
    found = run(sys.executable, "-c", where, cwd=tmp_path, PYTHONPATH=str(target))
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()) == target / "lakehouse" / "conf"
    assert (target / "lakehouse" / "conf" / "jars.xml").is_file()


def test_checkout_and_environment_variable_come_before_the_wheel(tmp_path: Path) -> None:
    where = "from lakehouse.contracts.locations import conf_dir; print(conf_dir())"
    command = (sys.executable, "-c", where)
    checkout = run(*command, cwd=tmp_path, PYTHONPATH=str(ROOT / "lib"))
    assert Path(checkout.stdout.strip()) == ROOT / "conf", checkout.stderr
    own = run(*command, cwd=tmp_path, PYTHONPATH=str(ROOT / "lib"), LAKEHOUSE_CONF=str(tmp_path))
    assert Path(own.stdout.strip()) == tmp_path, own.stderr


# --- The locks ---


def requirements(lock: str) -> dict[str, list[str]]:
    """Requirement -> its hashes, of one lock file."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines():
        text = line.strip().removesuffix("\\").strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("--hash="):
            found[list(found)[-1]].append(text.removeprefix("--hash="))
        else:
            found[text] = []
    return found


def locked_version(lock: str, name: str) -> str:
    (version,) = [r.split("==")[1].split(" ")[0] for r in requirements(lock) if r.startswith(f"{name}==")]
    return version


def names_in(lock: str) -> set[str]:
    return {re.split(r"[=\[ ]", requirement)[0] for requirement in requirements(lock)}


def names_wanted(text: str) -> set[str]:
    """Package names of a hand-written requirements file."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-"))]
    return {re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_is_pinned_and_hashed(lock: str) -> None:
    locked = requirements(lock)
    assert locked
    for requirement, hashes in locked.items():
        assert re.match(r"[a-z0-9.-]+(\[[a-z0-9,-]+\])?==[^ ;*]+( ; .*)?$", requirement), requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), requirement


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("suffix", ["in", "txt"])
def test_requirements_name_no_place_to_download_from(lock: str, suffix: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.{suffix}").read_text()
    assert "://" not in text
    assert not re.search(r"--(extra-)?index|--find-links|^-[if] ", text, flags=re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_what_is_asked_for(lock: str) -> None:
    assert names_wanted((ROOT / "requirements" / f"{lock}.in").read_text()) <= names_in(lock)


def test_locks_agree_with_each_other() -> None:
    assert requirements("main").keys() <= requirements("test").keys()
    assert one_version_each("airflow", "main") and one_version_each("airflow", "test")
    for other in ("test", "airflow"):
        both = names_in("report") & names_in(other)
        assert "jinja2" in both
        assert {n: versions_of("report", n) for n in both} == {n: versions_of(other, n) for n in both}
    shared = names_in("tools") & names_in("main")
    assert {"setuptools", "wheel"} <= shared
    assert {n: locked_version("tools", n) for n in shared} == {n: locked_version("main", n) for n in shared}


def one_version_each(lock: str, other: str) -> bool:
    """Whether all that both locks hold is in one version; Airflow's knows Python 3.10 not, where others may differ."""
    versions = {name: versions_of(lock, name) for name in names_in(lock) & names_in(other)}
    return len(versions) > 10 and all(found <= versions_of(other, name) for name, found in versions.items())


def versions_of(lock: str, name: str) -> set[str]:
    return {r.split("==")[1].split(" ")[0] for r in requirements(lock) if re.match(rf"{re.escape(name)}(\[|==)", r)}


def test_package_asks_for_what_the_lock_provides() -> None:
    setup_py = (ROOT / "setup.py").read_text()
    blocks = re.findall(r'(?:install_requires=|"spark": )\[(.*?)\]', setup_py, flags=re.DOTALL)
    assert len(blocks) == 2
    asked = names_wanted("\n".join(re.findall(r'"([^"]+)"', "".join(blocks))))
    # These two build; nothing imports them.
    assert asked | {"setuptools", "wheel"} == names_wanted((ROOT / "requirements" / "main.in").read_text())
    (report,) = re.findall(r'"report": \[(.*?)\]', setup_py)
    asked = names_wanted("\n".join(re.findall(r'"([^"]+)"', report)))
    assert asked == names_wanted((ROOT / "requirements" / "report.in").read_text())


def test_jars_agree_with_the_lock() -> None:
    found = ET.parse(ROOT / "conf" / "jars.xml").iter("dependency")
    pins = [(jar.attrib["name"], jar.attrib["rev"]) for jar in found]
    revisions = dict(pins)
    assert len(revisions) == len(pins), "one version each"
    assert revisions["delta-spark_2.12"] == locked_version("main", "delta-spark")
    assert revisions["delta-storage"] == locked_version("main", "delta-spark")
    spark_minor = ".".join(locked_version("main", "pyspark").split(".")[:2])
    assert revisions["deequ"].endswith(f"-spark-{spark_minor}")
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.-]*", revision) for revision in revisions.values()), revisions


# --- The Makefile ---


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a path with a space, its environment ready, its `lakehouse` printing its arguments."""
    root = tmp_path / "check out"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".jars").mkdir()
    for file in ("Makefile", "setup.py"):
        shutil.copy(ROOT / file, root)
    for folder in ("requirements", "conf"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / ".venv" / ".checkout").write_text(f"{root.resolve()}\n")
    lakehouse = root / ".venv" / "bin" / "lakehouse"
    lakehouse.write_text(FAKE_LAKEHOUSE)
    lakehouse.chmod(0o755)
    for stamp in (".venv/.tools", ".venv/.main", ".venv/.test", ".venv/.airflow", ".venv/.report", ".jars/.complete"):
        (root / stamp).touch()
    return root


def arguments(printed: str) -> list[str]:
    return re.findall(r"^<(.*)>$", printed, flags=re.MULTILINE)


def test_make_alone_lists_every_target(checkout: Path) -> None:
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[0].split()
    listed = run("make", cwd=checkout)
    assert listed.returncode == 0, listed.stderr
    assert re.findall(r"^  make (\w+) +\S", listed.stdout, flags=re.MULTILINE) == targets
    wanted = {
        "run", "airflow", "test", "soak", "lint", "sql", "report", "validate", "verify", "sample", "bench", "lock",
        "clean",
    }  # fmt: skip
    assert wanted <= set(targets)


def test_make_run_hands_its_variables_on(checkout: Path) -> None:
    variables = ("LANDING=/my landing", "LAKE=/my lake", "DOMAIN=retail", "FROM=2025-01-01", "TO=2025-01-31")
    done = run("make", "run", *variables, "ARGS=--strict --result 'a b.json'", cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert arguments(done.stdout) == [
        "run", "retail", "--landing", "/my landing", "--lake", "/my lake",
        "--from", "2025-01-01", "--to", "2025-01-31", "--strict", "--result", "a b.json",
    ]  # fmt: skip


def of_sample(*domains: str, sampled: tuple[str, ...] = ("billing", "retail")) -> list[str]:
    """The calls of `make run` on samples, as printed one argument a line."""
    found: list[str] = []
    for domain in domains:
        found += ["sample", domain, "--out", "data/landing"] if domain in sampled else []
        found += ["run", domain, "--landing", "data/landing", "--lake", "data/lake"]
    return found


def test_make_run_generates_deliveries_only_when_there_are_none(checkout: Path) -> None:
    assert arguments(run("make", "run", cwd=checkout).stdout) == of_sample("billing", "retail")
    (checkout / "data" / "landing" / "billing").mkdir(parents=True)
    assert arguments(run("make", "run", cwd=checkout).stdout) == of_sample("billing", "retail", sampled=("retail",))
    assert arguments(run("make", "run", "DOMAIN=retail", cwd=checkout).stdout) == of_sample("retail")


def test_make_goes_by_the_contracts_that_there_are(checkout: Path) -> None:
    conf = checkout / "my conf"
    shutil.copytree(checkout / "conf", conf)
    (conf / "shop").mkdir()
    (conf / "shop" / "domain.yml").touch()
    for place, domains in (({}, ("billing", "retail")), ({"LAKEHOUSE_CONF": str(conf)}, ("billing", "retail", "shop"))):
        verified = arguments(run("make", "verify", cwd=checkout, **place).stdout)
        assert verified == [word for name in domains for word in ("verify", name, "--lake", "data/lake")]
        # There is no sample of a shop: its run says that nothing was delivered.
        assert arguments(run("make", "run", cwd=checkout, **place).stdout) == of_sample(*domains)
        sampled = arguments(run("make", "sample", cwd=checkout, **place).stdout)
        assert [word for word in sampled if word in DOMAINS or word == "shop"] == list(DOMAINS)
    nowhere = run("make", "verify", cwd=checkout, LAKEHOUSE_CONF="/nowhere")
    assert arguments(nowhere.stdout)[:2] == ["verify", "billing"], "the command is asked, and says what is missing"


def test_make_run_is_about_the_domains_that_a_named_landing_zone_has(checkout: Path) -> None:
    landing = checkout / "my landing"
    for folders, domains in (("retail", ["retail"]), ("billing", ["billing", "retail"]), ("", ["billing", "retail"])):
        if folders:
            (landing / folders).mkdir(parents=True)
        place = landing if folders else checkout / "elsewhere"
        done = run("make", "run", f"LANDING={place}", cwd=checkout)
        pipelines = (["run", domain, "--landing", str(place), "--lake", "data/lake"] for domain in domains)
        assert arguments(done.stdout) == [word for words in pipelines for word in words]


def test_make_verify_and_sample_are_about_all_domains_or_one(checkout: Path) -> None:
    for given, domains in (((), ("billing", "retail")), (("DOMAIN=retail",), ("retail",))):
        verified = arguments(run("make", "verify", *given, cwd=checkout).stdout)
        assert verified == [word for name in domains for word in ("verify", name, "--lake", "data/lake")]
        sampled = arguments(run("make", "sample", *given, cwd=checkout).stdout)
        assert sampled == [word for name in domains for word in ("sample", name, "--out", "data/landing")]


def test_make_sql_takes_a_statement(checkout: Path) -> None:
    done = run("make", "sql", """SQL=select 'it''s', "b" from t""", cwd=checkout)
    assert arguments(done.stdout) == ["sql", "--lake", "data/lake", """select 'it''s', "b" from t"""]


def test_make_report_names_a_file_for_each_domain(checkout: Path) -> None:
    made = run("make", "report", cwd=checkout)
    each = [
        ["report", name, "--lake", "data/lake", "--out", f"data/{name}-report.html"] for name in ("billing", "retail")
    ]
    assert arguments(made.stdout) == [*each[0], *each[1]]
    assert (checkout / "data").is_dir()
    named = run("make", "report", "DOMAIN=retail", "LAKE=/my lake", "OUT=a b.html", cwd=checkout)
    assert arguments(named.stdout) == ["report", "retail", "--lake", "/my lake", "--out", "a b.html"]


def test_make_report_writes_one_page_into_one_file(checkout: Path) -> None:
    for given in ((), ("DOMAIN=billing retail",)):
        failed = run("make", "report", "OUT=a b.html", *given, cwd=checkout)
        assert (failed.returncode, arguments(failed.stdout)) == (2, [])
        said, make_itself = failed.stderr.strip().splitlines()
        assert said == "OUT is the page of one domain. Say which: make report DOMAIN=billing OUT=a b.html"
        assert make_itself.startswith("make")
    shutil.rmtree(checkout / "conf" / "retail")
    made = run("make", "report", "OUT=x.html", cwd=checkout)
    assert arguments(made.stdout) == ["report", "billing", "--lake", "data/lake", "--out", "x.html"]


def test_make_passes_a_failure_on(checkout: Path) -> None:
    assert run("make", "run", "DOMAIN=failing", "LANDING=x", cwd=checkout).returncode != 0
    done = run("make", "run", "DOMAIN=failing retail", "LANDING=x", cwd=checkout)
    assert done.returncode != 0
    assert "retail" in arguments(done.stdout), "the other domain goes on"


def test_missing_python_is_one_clear_line(checkout: Path) -> None:
    (checkout / ".venv" / ".tools").unlink()
    failed = run("make", "run", "PYTHON=no-such-python", cwd=checkout)
    assert failed.returncode != 0
    said, make_itself = failed.stderr.strip().splitlines()
    assert "needs Python 3.11" in said and "no-such-python" in said
    assert make_itself.startswith("make")


def test_environment_of_another_checkout_is_not_used(checkout: Path) -> None:
    assert run("make", "validate", "PYTHON=no-such-python", cwd=checkout).returncode == 0
    moved = checkout.with_name("moved")
    checkout.rename(moved)
    failed = run("make", "validate", "PYTHON=no-such-python", cwd=moved)
    assert "needs Python 3.11" in failed.stderr


@pytest.mark.parametrize(
    ("java", "found"), [(None, "found no Java"), ('openjdk version "11.0.2" 2019-01-15', "found Java 11")]
)
def test_missing_or_other_java_is_one_clear_line(checkout: Path, java: str | None, found: str) -> None:
    (checkout / ".jars" / ".complete").unlink()
    home = checkout / "java home"
    (home / "bin").mkdir(parents=True)
    if java:
        (home / "bin" / "java").write_text(f"#!/bin/sh\necho '{java}' >&2\n")
        (home / "bin" / "java").chmod(0o755)
    failed = run("make", "run", cwd=checkout, JAVA_HOME=str(home))
    assert failed.returncode != 0
    said, make_itself = failed.stderr.strip().splitlines()
    assert "needs Java 17" in said and found in said and "Install it" in said
    assert make_itself.startswith("make")


def test_clean_keeps_the_data(checkout: Path) -> None:
    lake = checkout / "data" / "lake"
    lake.mkdir(parents=True)
    assert run("make", "clean", cwd=checkout).returncode == 0
    assert lake.is_dir()
    assert not (checkout / ".venv").exists()
    assert not (checkout / ".jars").exists()
