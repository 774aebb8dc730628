"""schemathesis asks every route of the OpenAPI what it does not expect, and finds nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from omni_lab.gateway.openapi import EXAMPLES
from tests.gateway.rest.serving import Gateway
from tests.lengths import LONG

# What a schema cannot say is refused with 422: a price off its grid, a day that is none, a strange cursor.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 413, 422, 503]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 431]
"""


def asked(gateway: Gateway, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask every route with the key of an admin, by the document that the gateway gives."""
    key, _ = gateway.security.keys.make("admin", label="schemathesis")
    document = gateway.client.get("/api/v1/openapi.json", headers={"X-API-Key": key}).json()
    for operations in document["paths"].values():
        for operation in operations.values():
            # It would show both credentials at once, which is refused.
            operation["security"] = [{"key": []}] if "security" in operation else []
    (home / "openapi.json").write_text(json.dumps(document))
    (home / "schemathesis.toml").write_text(CONFIG)
    program = Path(sys.executable).parent / "schemathesis"
    command = [str(program if program.is_file() else shutil.which("schemathesis") or "schemathesis")]
    command += ["--config-file", "schemathesis.toml", "run", "openapi.json", "--url", gateway.url]
    command += [
        "--header",
        f"X-API-Key:{key}",
        "--checks",
        "all",
        "--no-color",
        "--warnings",
        "off",
        *options,
    ]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=1_800, check=False)


def test_schemathesis_finds_nothing(guarded: Gateway, tmp_path: Path) -> None:
    phases = "examples,coverage,fuzzing,stateful" if LONG else "examples,coverage"
    options = ["--phases", phases, "--max-examples", "200" if LONG else "1", "--seed", "1"]
    found = asked(guarded, tmp_path, *options)
    assert found.returncode == 0, found.stdout[-6_000:] + found.stderr[-2_000:]
    assert "No issues found" in found.stdout or "passed" in found.stdout, found.stdout[-1_000:]


def test_every_error_is_told_and_every_body_has_an_example(gateway: Gateway) -> None:
    document = gateway.client.get("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("description"), where
            assert operation["x-action"] == "none" or {"401", "403", "422"} <= set(operation["responses"]), (
                where
            )
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (where, status)
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (where, parameter["name"])
            if operation.get("requestBody", {}).get("required"):
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                names = [each["$ref"].split("/")[-1] for each in _references(schema)]
                assert names, where
                assert all(schemas[name].get("examples") for name in names), (where, names)


def test_every_answer_has_an_example_that_keeps_its_schema(gateway: Gateway) -> None:
    document = gateway.client.get("/api/v1/openapi.json").json()
    definitions = {"components": document["components"]}
    n_examples = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                told = response.get("content", {}).get("application/json")
                if told is None or int(status) >= 400:
                    continue
                where, schema = f"{method} {path}", {**definitions, **told["schema"]}
                if "example" not in told:
                    assert _has_example(told["schema"], document["components"]["schemas"]), where
                    continue
                problems = [
                    each.message for each in Draft202012Validator(schema).iter_errors(told["example"])
                ]
                assert problems == [], where
                n_examples += 1
    assert n_examples == len(json.loads(EXAMPLES.read_text()))


@pytest.mark.parametrize("name", ["Account", "Order", "Fill", "Status", "Position", "Job", "JournalState"])
def test_what_is_sent_is_described_in_the_words_of_the_house(gateway: Gateway, name: str) -> None:
    schema = gateway.client.get("/api/v1/openapi.json").json()["components"]["schemas"][name]
    for field, facts in schema["properties"].items():
        assert facts.get("description", field) != field, field


def _has_example(schema: Any, schemas: dict[str, Any], depth: int = 0) -> bool:
    """Whether a schema, or something that it is made of, has an example."""
    if isinstance(schema, list):
        return any(_has_example(each, schemas, depth) for each in schema)
    if not isinstance(schema, dict) or depth > 12:
        return False
    if "$ref" in schema:
        return _has_example(schemas[schema["$ref"].split("/")[-1]], schemas, depth + 1)
    return "examples" in schema or any(_has_example(each, schemas, depth + 1) for each in schema.values())


def _references(schema: dict[str, object]) -> list[dict[str, str]]:
    if "$ref" in schema:
        return [schema]  # type: ignore[list-item]  # its one value is text
    inner = schema.get("anyOf")
    return [found for each in inner for found in _references(each)] if isinstance(inner, list) else []
