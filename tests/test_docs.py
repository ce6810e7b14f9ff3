"""The documents, held to the code: whoever changes one without the other meets this file."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands
from django.db.models import PositiveIntegerField
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

import processing.management.commands.models as models_command
from accounts.models import Plan, WebhookEvent
from api.compat import rembg
from api.v1.serializers import JobSerializer
from api.v1.webhook_serializers import DeliverySerializer
from config.env import VARIABLES
from config.errors import MatteryError
from config.limits import Limits
from processing.models import TRANSITIONS
from processing.webhooks import PING

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ERRORS: list[type[MatteryError]] = [*MatteryError.concrete(), MatteryError]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def section(document: Path, heading: str) -> str:
    """What stands below a heading, up to the next one of its rank or higher."""
    rank = heading.partition(" ")[0]
    _, found, below = f"\n{document.read_text()}".partition(f"\n{heading}\n")
    assert found, f"{document.name} has no heading {heading!r}"
    return re.split(rf"^#{{1,{len(rank)}}} ", below, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The tables' rows, without their heads."""
    lines = text.splitlines()
    heads = {at - 1 for at, line in enumerate(lines) if line.startswith("| ---")}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for at, line in enumerate(lines)
        if line.startswith("|") and not line.startswith("| ---") and at not in heads
    ]


def names(cells: Iterable[str]) -> list[str]:
    """What stands in code marks."""
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def code(document: Path) -> Iterator[str]:
    """All that is marked as code: fenced, indented, inline."""
    text = document.read_text()
    yield from re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    yield from re.findall(r"^ {4,}(.+)$", text, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", text)


def anchors(document: Path) -> set[str]:
    text = document.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def test_every_error_is_documented_as_it_is() -> None:
    documented = [row[:4] for row in rows((DOCS / "errors.md").read_text())]
    assert sorted(documented) == sorted(
        [
            f'<a id="{error.code}"></a>`{error.code}`',
            str(error.status),
            error.title,
            "yes" if error.is_retryable else "no",
        ]
        for error in ERRORS
    )


def test_every_error_says_what_to_do() -> None:
    assert all(len(row) == 5 and row[4] for row in rows((DOCS / "errors.md").read_text()))


def test_the_type_of_an_error_leads_to_its_line(static_files: None, committed_db: None) -> None:
    problem = Client().get("/api/v1/nowhere").json()
    path, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"' in Client().get(path).text


def test_every_error_is_on_the_platforms_own_page(static_files: None) -> None:
    page = Client().get("/docs/errors").text
    assert re.findall(r'<tr id="(\w+)">', page) == [error.code for error in ERRORS]


def test_every_variable_is_documented_as_it_is() -> None:
    documented = rows(section(DOCS / "configuration.md", "## Variables"))
    assert documented == [
        [
            f"`{variable.name}`",
            "must be set" if variable.default is None else f"`{variable.default}`" if variable.default else "",
            variable.help,
        ]
        for variable in VARIABLES.values()
    ]


def test_every_limit_is_documented_as_it_is() -> None:
    documented = rows(section(DOCS / "configuration.md", "## Limits"))
    assert documented == [
        [f"`MATTERY_{field.name.upper()}`", f"{field.default:,}", field.metadata["unit"], field.metadata["help"]]
        for field in fields(Limits)
    ]


def test_every_limit_of_a_plan_is_documented_as_it_is() -> None:
    documented = rows(section(DOCS / "configuration.md", "## Plans"))
    assert documented == [
        [str(field.verbose_name), f"{field.default:,}", str(field.help_text)]
        for field in Plan._meta.get_fields()
        if isinstance(field, PositiveIntegerField)
    ]


def test_every_state_and_what_may_follow_it_are_documented() -> None:
    documented = rows(section(DOCS / "architecture.md", "## A job's states"))
    assert sorted(tuple(names(row[:2])) for row in documented) == sorted(
        (before.value, after.value) for before, following in TRANSITIONS.items() for after in following
    )


def test_the_schema_is_made_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


def test_every_operation_of_the_schema_is_documented() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    operations = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    table = (DOCS / "api.md").read_text().partition("## Signing in")[0]
    documented = set(names(row[0] for row in rows(table)))
    assert documented - {"POST /api/remove", "GET /api/remove"} == operations


def test_every_field_of_a_job_is_documented() -> None:
    documented = names(row[0] for row in rows(section(DOCS / "api.md", "## A job")))
    assert sorted(documented) == sorted(JobSerializer.Meta.fields)


def test_every_field_of_a_delivery_is_documented() -> None:
    documented = names(row[0] for row in rows(section(DOCS / "webhooks.md", "## A delivery")))
    assert sorted(documented) == sorted(DeliverySerializer.Meta.fields)


def test_every_event_is_documented() -> None:
    documented = names(row[0] for row in rows(section(DOCS / "webhooks.md", "## Events")))
    assert documented == [*WebhookEvent.values, PING]


def test_every_parameter_of_rembgs_api_is_documented() -> None:
    documented = names(row[0] for row in rows(section(DOCS / "api.md", "## For clients of rembg's server")))
    flags = {*rembg.MASK_ONLY, *rembg.OWN_COLOURS}
    assert sorted(documented) == sorted(rembg.PARAMETERS.keys() | flags | rembg.IGNORED | {"vm", "url"})


def test_every_figure_is_documented(committed_db: None) -> None:
    figures = re.findall(r"^# TYPE (\w+)", Client().get("/metrics").text, re.MULTILINE)
    documented = names(row[0] for row in rows(section(DOCS / "operations.md", "## Figures")))
    assert sorted(documented) == sorted(figures)


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@each_document
def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for text in code(document) for name in re.findall(r"^make ([a-z]+)", text, re.MULTILINE)}
    assert named <= targets


@each_document
def test_every_management_command_exists(document: Path) -> None:
    text = "\n".join(code(document))
    assert set(re.findall(r"manage\.py ([a-z]\w*)", text)) <= get_commands().keys()
    help_of_models = models_command.Command().create_parser("manage.py", "models").format_help()
    for action in re.findall(r"manage\.py models (\w+)", text):
        assert re.search(rf"\b{action}\b", help_of_models)


def test_the_readme_begins_with_the_two_commands() -> None:
    commands = next(code(ROOT / "README.md")).split("\n")
    assert commands[:2] == ["make up", "make test"]


def own_files() -> Iterator[Path]:
    """What a clone holds: everything but what git ignores."""
    ignored = [".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split())]

    def is_ignored(path: Path) -> bool:
        return any(fnmatch(path.name, name) or path == ROOT / name for name in ignored)

    for folder, folders, files in ROOT.walk():
        folders[:] = [name for name in folders if not is_ignored(folder / name)]
        yield from (folder / name for name in files if not is_ignored(folder / name))


def test_nothing_names_a_developers_machine_or_a_package_index() -> None:
    foreign = re.compile(
        rb"(?<![\w.])/(work|home|Users|root)/\w|pypi\.org|pythonhosted\.org|registry\.npmjs|--(extra-)?index-url"
    )
    found = {str(path.relative_to(ROOT)) for path in own_files() if foreign.search(path.read_bytes())}
    assert found == set()
