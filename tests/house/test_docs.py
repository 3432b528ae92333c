"""Documentation that is tested: what a page names exists, and what exists and should be named is.

Needs no server. A page that falls behind the code fails here, by name.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import resolve

from config.local import keys
from config.local.__main__ import read_arguments
from monitor.api.audit_asks import InclusionAsk
from monitor.api.view import DoorView
from monitor.checks import list_patterns
from monitor.field.lifecycle import AlertStatus
from monitor.imagery.refusal import Cause
from monitor.privacy.policy import ACTIVITY_RULES, K_EFF_MIN, PRIOR_MAX, SITE_RULES
from monitor.privacy.posture import Move
from monitor.services.demo import CAST
from tests.house.documents import ROOT, Document, list_documents
from tests.house.source import list_calls, list_modules, parse

DOCUMENTS = list_documents()
GUIDE, OPERATIONS, PROMISE = (
    Document(f"docs/{name}.md") for name in ("api-guide", "operations", "privacy-promise")
)
FOLDERS = ("accounts", "config", "docker", "docs", "monitor", "tasks", "tests")
VARIABLE = re.compile(
    r"PENUMBRA_[A-Z_]*[A-Z]|DATABASE_URL|REDIS_URL|CELERY_BROKER_URL|DJANGO_SETTINGS_MODULE"
)
UNFINISHED = re.compile(r"\b(to" r"do|fix" r"me|tbd|lorem|coming soon)\b", re.IGNORECASE)
PROUD = re.compile(
    r"\b(seamless|powerful|robust|cutting-edge|state-of-the-art|leverag\w+|simply|blazing\w*)\b",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(home|root|tmp|work|Users)/")
MADE = re.compile(r"docker/(secrets|imagery)\b")
"""Folders that a command makes; they are not in the repository."""
SOME_ID = UUID(int=0)

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)


@each_document
def test_every_link_leads_to_a_file_and_a_heading(document: Document) -> None:
    for link in document.links:
        target, _, anchor = link.partition("#")
        path = (document.path.parent / target).resolve() if target else document.path
        assert path.exists(), f"{document.name} links to {link}"
        if anchor:
            assert anchor in Document(str(path.relative_to(ROOT))).anchors, f"{document.name} links to {link}"


@each_document
def test_every_file_that_is_named_exists(document: Document) -> None:
    for span in document.spans:
        if (
            span.split("/")[0] in FOLDERS
            and re.fullmatch(r"[\w./-]+/[\w./-]*", span)
            and not MADE.match(span)
        ):
            assert (ROOT / span).exists(), f"{document.name} names {span}"


@each_document
def test_every_make_target_that_is_named_exists(document: Document) -> None:
    targets = set(
        re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for command in document.commands:
        for name in re.findall(r"(?:^|[;&|(] *)make ([a-z][a-z-]*)", command):
            assert name in targets, f"{document.name} names make {name}"


@each_document
def test_every_command_of_manage_py_exists_with_its_options(document: Document) -> None:
    known = get_commands()
    for command in document.commands:
        for name, words in re.findall(r"manage\.py ([a-z_]+)([^|;&]*)", command):
            assert name in known, f"{document.name} names manage.py {name}"
            usage = load_command_class(str(known[name]), name).create_parser("manage.py", name).format_help()
            for option in re.findall(r"--[a-z-]+", words):
                assert option in usage, f"{document.name}: manage.py {name} knows no {option}"


@each_document
def test_every_local_command_exists(document: Document) -> None:
    for command in document.commands:
        for words in re.findall(r"python3 -m config\.local ([a-z][^)|;&\"]*)", command):
            read_arguments(words.split())


@each_document
def test_every_example_is_well_formed(document: Document) -> None:
    for block in document.blocks("sh"):
        done = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{document.name}: {done.stderr}"
    for block in document.blocks("json"):
        json.loads(block)


@each_document
def test_the_tone_is_calm_and_nothing_is_left_unfinished(document: Document) -> None:
    for pattern in (UNFINISHED, PROUD, MACHINE_PATH):
        found = pattern.search(document.text)
        assert found is None, f"{document.name} says {found[0]!r}"


def test_the_guide_has_every_endpoint_and_no_other() -> None:
    told = re.findall(r"^### `(GET|POST) (/\S+)`$", GUIDE.text, re.MULTILINE)
    assert len(told) == len(set(told))
    assert set(told) == set(list_endpoints())


def test_the_guides_examples_run_in_their_order_after_the_first_steps() -> None:
    """An example with a name that nothing has set asks for something else, and is told that nothing is there."""
    code = "\n".join([*Document("README.md").blocks("sh"), *GUIDE.blocks("sh")])
    known = {"HOME", "@"}
    for line in code.splitlines():
        assert set(re.findall(r"\$\{?([A-Z]+)", line)) <= known, line
        known |= set(re.findall(r"\b([A-Z]+)=", line))


def test_no_example_writes_outside_of_var() -> None:
    """Files of exact roles hold cells; what lies in the checkout beside the code is soon committed with it."""
    lines = [line for block in GUIDE.blocks("sh") for line in block.splitlines()]
    written = [name for line in lines for name in re.findall(r" (?:-o|>) (\S+)", line)]
    assert len(written) > 5
    assert [name for name in written if not name.startswith("var/")] == []


def list_endpoints() -> Iterator[tuple[str, str]]:
    """Method and address, as the guide writes them, of every route."""
    for pattern in list_patterns():
        address = "/" + re.sub(
            r"<(?:int|str):(\w+)>", r"{\1}", re.sub(r"<(?:uuid|pseudonym):\w+>", "{id}", str(pattern.pattern))
        )
        view = getattr(pattern.callback, "cls", None)
        methods = view.roles if isinstance(view, type) and issubclass(view, DoorView) else ["GET"]
        yield from ((method, address) for method in methods)


@pytest.mark.parametrize("document", [Document("README.md"), GUIDE], ids=lambda document: document.name)
def test_every_question_of_an_example_is_one_that_its_role_may_ask(document: Document) -> None:
    asked = [
        words for block in document.blocks("sh") for line in block.splitlines() for words in list_asks(line)
    ]
    assert len(asked) > 15
    for key, address, words in asked:
        role = next(member.role for member in CAST if member.key == key)
        view = resolve(f"/api/v1/{address.partition('?')[0]}").func.cls  # type: ignore[attr-defined]
        method = "POST" if re.search(r" -d | -X POST", words) else "GET"
        if "# 403" in words:
            assert role not in view.roles[method], words
        else:
            assert role in view.roles[method], words
            assert (role in view.exact_roles and method == "GET") == ("Access-Purpose" in words), words


@pytest.mark.parametrize("receipt", ["B+/q" + "A" * 39 + "=; mmd=60", "B+/q" + "A" * 39 + "="])
def test_the_audit_guide_asks_for_the_proof_of_a_receipt_as_people_have_it(receipt: str) -> None:
    """Its own commands, in a shell that knows no more than POSIX; curl itself refuses an address with a blank."""
    blocks = Document("docs/audit-guide.md").blocks("sh")
    (ask,) = [line for block in blocks for line in block.splitlines() if line.startswith("ask()")]
    (command,) = [block for block in blocks if "receipt=" in block]
    with Echo() as echo:
        words = {**os.environ, "URL": echo.url, "TOKEN": "pen_x", "RECEIPT": receipt, "no_proxy": "*"}
        done = subprocess.run(
            ["sh", "-ec", f"{ask}\n{command.replace('> proof', '')}"],
            env=words,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    path, _, query = done.stdout.partition("?")
    assert path == "/api/v1/audit/proof/inclusion"
    assert parse_qs(query) == {"receipt": [receipt]}
    read = InclusionAsk(data={name: value for name, (value,) in parse_qs(query).items()})
    assert read.is_valid(), read.errors


WRITERS = {"Entry", "_entry", "describe_decision", "disclose"}
"""What writes an entry; the word of its action stands in the same module."""
ACTION = re.compile(r"[a-z]+\.[a-z_]+")


def list_actions() -> set[str]:
    """Every word that stands as the action of an entry, but for refusals by a view's name."""
    written = {
        node.value
        for path in list_modules("accounts", "monitor")
        if WRITERS & {called for called, _ in list_calls(path)}
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ACTION.fullmatch(node.value)
    }
    return (
        written
        | {f"alert.{status.value}" for status in AlertStatus}
        | {f"posture.{move.value}" for move in Move}
    )


def test_the_audit_guide_names_every_action_and_no_other() -> None:
    """An auditor can filter by a word only where it is known how lines have it."""
    rows = Document("docs/audit-guide.md").rows("`action`", "what was done")
    named = [word for row in rows for word in ACTION.findall(row[0])]
    assert (len(named), set(named)) == (len(set(named)), list_actions())


class Echo:
    """A server that answers each question with its address."""

    def __enter__(self) -> Echo:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.path.encode())

            def log_message(self, *words: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def list_asks(line: str) -> Iterator[tuple[str, str, str]]:
    """Role, address and all words of each `ask` in a line; ids that come from elsewhere are put in."""
    if line.startswith("ask()"):
        return
    inner = re.findall(r"\$\((ask [^()]*)\)", line)
    for words in [*inner, re.sub(r"\$\([^()]*\)", str(SOME_ID), line)]:
        for role, address in re.findall(r"(?:^|\| )ask (\w+) ('[^']*'|\S+)", words):
            yield role, re.sub(r"\$[A-Z]+", str(SOME_ID), address.strip("'")), words


def test_every_step_of_a_route_is_where_the_architecture_says() -> None:
    steps = Document("docs/architecture.md").rows("step", "file", "function")
    assert len(steps) > 30
    for _, file, name in steps:
        source = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(def |class )?{name}\b", source, re.MULTILINE), f"{file} has no {name}"


def test_every_variable_that_settings_read_is_explained_with_its_default() -> None:
    told = {row[0]: row[1] for row in OPERATIONS.rows("variable", "default")}
    named = set(VARIABLE.findall(OPERATIONS.text))
    for name, default in read_variables():
        assert name in named, f"docs/operations.md does not name {name}"
        if isinstance(default, int) and not isinstance(default, bool):
            assert told[name] == str(default), f"docs/operations.md tells another default of {name}"


def test_every_variable_that_is_explained_occurs_in_the_code() -> None:
    files = [
        path
        for folder in ("config", "docker", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    ]
    code = "".join(
        path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".sql", ".sh", ".yml"}
    )
    for name in set(VARIABLE.findall(OPERATIONS.text)):
        assert name in code, f"docs/operations.md explains {name}, which nothing reads"


def read_variables() -> Iterator[tuple[str, object]]:
    """Names of the variables that config/ reads, with the default where one is written beside the name."""
    yield from ((name, None) for name in (*keys.PASSWORDS, *keys.KEYS))
    for path in (ROOT / "config").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)):
                continue
            reader = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            name = call.args[0].value
            if (
                (reader == "get" or reader.startswith("read_"))
                and isinstance(name, str)
                and VARIABLE.fullmatch(name)
            ):
                beside = call.args[1] if len(call.args) > 1 else None
                yield name, beside.value if isinstance(beside, ast.Constant) else None


def test_every_cause_of_a_refusal_is_explained_and_no_other() -> None:
    assert {row[0] for row in OPERATIONS.rows("cause")} == {*(cause.value for cause in Cause), "worker_lost"}


def test_the_promise_tells_the_rule_table_as_it_is() -> None:
    told = {tuple(row) for row in PROMISE.rows("role", "question", "rule", "level")}
    tables = {"activity": ACTIVITY_RULES, "site": SITE_RULES}
    rules = {
        (role.value, question, rule.name, rule.level.name)
        for question, table in tables.items()
        for role, rule in table.items()
    }
    assert told == rules
    assert f"at least {K_EFF_MIN} effective plausible cells" in PROMISE.text
    assert f"more than {PRIOR_MAX:.2f}" in PROMISE.text


def test_decisions_have_a_number_of_their_own_and_are_complete() -> None:
    records = sorted(path for path in (ROOT / "docs/decisions").glob("*.md") if path.name != "README.md")
    assert [path.name[:4] for path in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    index = Path(ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    for path in records:
        parts = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert parts == ["Context", "Decision", "Rejected", "Consequences"], path.name
        assert f"]({path.name})" in index, f"docs/decisions/README.md does not list {path.name}"


def test_the_changelog_has_a_heading_for_privacy() -> None:
    text = Document("CHANGELOG.md").text
    assert "## [Unreleased]" in text
    assert "### Privacy" in text


def test_the_glossary_has_each_word_once() -> None:
    words = [row[0] for row in Document("docs/glossary.md").rows("word", "meaning")]
    assert len(words) > 25
    assert len(set(words)) == len(words)
