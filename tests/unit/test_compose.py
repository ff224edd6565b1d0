"""docker-compose.yml and the Dockerfile: well formed, and in agreement with the rest."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from ruamel.yaml import YAML

from workers.cli.bridge import bridge
from workers.cli.console import console
from workers.cli.main import COMMANDS
from workers.cli.worker import worker
from workers.settings import Settings

_ROOT: Final = Path(__file__).parents[2]
_WORKERS: Final = ("escalation", "routing", "desk", "classifier", "outcomes")

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_DURATION: Final = {"type": "string", "pattern": r"^(\d+h)?(\d+m)?(\d+s)?$", "minLength": 2}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _mapping(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


# The part of the Compose Specification that the file uses. It is narrower than the specification,
# so that a misspelt key or a value of another form is an error.
_SERVICE: Final = _object(
    {
        "build": _TEXT,
        "cap_drop": _TEXTS,
        "command": _TEXTS,
        "depends_on": _mapping(
            _object(
                {"condition": {"enum": ["service_healthy", "service_completed_successfully"]}},
                "condition",
            )
        ),
        "environment": _mapping({"type": ["string", "integer", "null"]}),
        "healthcheck": _object(
            {
                "test": {"type": "array", "prefixItems": [{"const": "CMD"}], "items": _TEXT},
                "interval": _DURATION,
                "timeout": _DURATION,
                "start_period": _DURATION,
                "retries": {"type": "integer"},
            },
            "test",
        ),
        "image": _TEXT,
        "profiles": _TEXTS,
        "ports": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^127\.0\.0\.1:\d+:\d+$"},
        },
        "read_only": {"type": "boolean"},
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "user": {"type": "string"},
        "security_opt": _TEXTS,
        "stop_grace_period": _DURATION,
        "tmpfs": _TEXTS,
        "volumes": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^([a-z-]+|\$\{.*\}):/"},
        },
    },
    "image",
)
_COMPOSE: Final = _object(
    {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {"type": "object", "patternProperties": {"^[a-z-]+$": _SERVICE}},
        "volumes": _mapping({"type": "null"}),
    },
    "services",
)
_COMPOSE["patternProperties"] = {"^x-": {}}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return docker-compose.yml with its anchors merged."""
    loaded: dict[str, Any] = YAML(typ="safe").load(_ROOT / "docker-compose.yml")
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    """Return the services by name."""
    found: dict[str, Any] = compose["services"]
    return found


def test_the_file_has_the_form_that_compose_reads(compose: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(_COMPOSE).validate(compose)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("services", "kafka", "imagee"), "x"),
        (("services", "kafka", "environment", "KAFKA_NODE_ID"), ["1"]),
        (("services", "kafka", "ports"), ["9092:9092"]),
        (("services", "topics", "restart"), False),
        (("services", "desk", "depends_on", "kafka", "condition"), "service_is_healthy"),
        (("services", "desk", "stop_grace_period"), "soon"),
        (("volume",), {}),
    ],
)
def test_that_check_finds_mistakes(path: tuple[str, ...], value: object) -> None:
    broken: dict[str, Any] = YAML(typ="safe").load(_ROOT / "docker-compose.yml")
    place = broken
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(_COMPOSE).validate(broken)


def test_volumes_and_dependencies_exist(compose: dict[str, Any], services: dict[str, Any]) -> None:
    mounted = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if not volume.startswith("$")
    }
    assert mounted == compose["volumes"].keys()
    for service in services.values():
        for name, dependency in service.get("depends_on", {}).items():
            if dependency["condition"] == "service_healthy":
                assert "healthcheck" in services[name]


def test_kafka_is_the_version_that_the_tests_run(services: dict[str, Any]) -> None:
    pom = (_ROOT / "tests" / "kafka" / "pom.xml").read_text()
    (tested,) = re.findall("<kafka.version>(.*)</kafka.version>", pom)
    assert services["kafka"]["image"] == f"apache/kafka:{tested}"
    assert services["kafka"]["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"


def test_the_store_keeps_its_data_and_never_evicts(services: dict[str, Any]) -> None:
    command = services["valkey"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert any(volume.endswith(":/data") for volume in services["valkey"]["volumes"])


def test_every_kind_of_worker_runs_after_the_topics(services: dict[str, Any]) -> None:
    assert services["topics"]["command"] == ["topics", "apply"]
    assert services["topics"]["restart"] == "no"
    for kind in _WORKERS:
        service = services[kind]
        assert service["command"] == ["worker", kind]
        assert service["restart"] == "unless-stopped"
        assert service["depends_on"]["topics"]["condition"] == "service_completed_successfully"


def test_everything_that_stays_has_a_health_check(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "healthcheck" not in service} == {
        "topics"
    }


def test_commands_and_variables_are_ours(services: dict[str, Any]) -> None:
    known = {
        str(field.validation_alias or name.upper()) for name, field in Settings.model_fields.items()
    }
    params = [*worker.params, *bridge.params, *console.params]
    options = {option.envvar for option in params if isinstance(option.envvar, str)}
    ours = [service for service in services.values() if service["image"] == "warm-handoff"]
    assert len(ours) == len(_WORKERS) + len(("topics", "bridge", "console", "tickets", "notifier"))
    for service in ours:
        assert service["command"][0] in COMMANDS
        assert service["environment"].keys() <= known | options


def test_a_worker_is_healthy_when_it_is_ready(services: dict[str, Any]) -> None:
    for kind in _WORKERS:
        port = services[kind]["environment"]["HANDOFF_HEALTH_PORT"]
        _, program, flag, script = services[kind]["healthcheck"]["test"]
        assert (program, flag) == ("python", "-c")
        compile(script, "healthcheck", "exec")
        assert f"http://127.0.0.1:{port}/ready" in script


def test_the_bridge_runs_on_request_only_and_is_healthy_when_it_can_write(
    services: dict[str, Any],
) -> None:
    service = services["bridge"]
    assert service["profiles"] == ["bridge"]
    assert service["command"][0] == "bridge"
    _, program, flag, script = service["healthcheck"]["test"]
    assert (program, flag) == ("python", "-c")
    compile(script, "healthcheck", "exec")
    port = next(option.default for option in bridge.params if option.name == "port")
    assert f"http://127.0.0.1:{port}/ready" in script
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    mounted = service["volumes"][0].split(":")[-2]
    assert service["environment"]["HANDOFF_BRIDGE_SENDERS"] == mounted


def test_secrets_are_not_in_the_file(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|API_KEY|TOKEN", name) and not name.endswith("_FILE"):
                assert value in (None, f"${{{name}:-}}")
    for name in _WORKERS:
        # An empty one is refused; without a value it is passed on only if it is set.
        assert services[name]["environment"]["HANDOFF_SECRET"] is None


def test_the_classifier_can_be_set_without_changing_the_file(services: dict[str, Any]) -> None:
    wanted = {
        str(field.validation_alias)
        for name, field in Settings.model_fields.items()
        if name.startswith("classifier_")
    }
    given = services["classifier"]["environment"]
    assert wanted
    for name in (*wanted, "ANTHROPIC_API_KEY"):
        # Empty is as good as absent.
        assert given[name] == f"${{{name}:-}}"


def test_the_image_runs_handoff_without_privileges() -> None:
    lines = (_ROOT / "Dockerfile").read_text().splitlines()
    last = [line.split() for line in lines[lines.index(f"FROM {_base(lines)}") :] if line]
    users = [line[1] for line in last if line[0] == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    assert ["ENTRYPOINT", '["handoff"]'] in last


def test_the_image_has_a_supported_python_and_the_locked_packages() -> None:
    lines = (_ROOT / "Dockerfile").read_text().splitlines()
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    lowest = project["requires-python"].removeprefix(">=").partition(",")[0]
    assert _base(lines) == f"python:{lowest}-slim"
    assert any("--require-hashes -r requirements.lock" in line for line in lines)


def _base(lines: list[str]) -> str:
    """Return the base image of the last stage."""
    return [line for line in lines if line.startswith("FROM ")][-1].split()[1]


def test_every_service_gives_up_its_privileges(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only", False) == (name != "kafka"), name


def test_the_build_backend_is_locked_as_the_tests_have_it() -> None:
    """The build backend of the image is fetched by its hash, and nothing beside it is."""
    dockerfile = (_ROOT / "Dockerfile").read_text()
    assert "--require-hashes -r requirements-build.lock" in dockerfile
    assert "!requirements-build.lock" in (_ROOT / ".dockerignore").read_text().splitlines()
    assert "--no-deps --no-index /tmp/wheel/*.whl" in dockerfile
    built, tested = (
        (_ROOT / f"requirements-{name}.lock").read_text().split("\n", 2)[2]
        for name in ("build", "dev")
    )
    assert built.startswith("hatchling==")
    assert set(built.splitlines()) <= set(tested.splitlines())
