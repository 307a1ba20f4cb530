"""What the files for operators name is what the service knows: no setting is misspelled, and no secret stands there."""

import re
from typing import Any

import pytest
import yaml

from app.operations.health import READY_SECONDS
from app.operations.serve import DRAIN_SECONDS
from app.operations.serve import FINISH_SECONDS
from app.operations.serve import serve
from app.settings import PROJECT_ROOT
from app.settings import Environment
from app.settings import Settings
from app.settings import SettingsError
from app.settings import read_settings
from tests.test_settings import PRODUCTION

SETTINGS = {name.upper() for name in Settings.model_fields}
# What other programs read.
OTHERS = {"POSTGRES_PASSWORD"}
KUBERNETES = PROJECT_ROOT / "deploy" / "kubernetes"


def text_of(name: str) -> str:
    """A file of the project."""
    return (PROJECT_ROOT / name).read_text("utf-8")


def compose() -> dict[str, dict[str, Any]]:
    """The services in compose.yaml."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(text_of("compose.yaml"))["services"]
    return services


def manifests(kind: str) -> list[dict[str, Any]]:
    """The manifests of this kind."""
    documents = [each for path in sorted(KUBERNETES.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]
    return [each for each in documents if each["kind"] == kind]


def containers() -> list[dict[str, Any]]:
    """What runs in Kubernetes."""
    workloads = [*manifests("Deployment"), *manifests("Job")]
    return [each for workload in workloads for each in workload["spec"]["template"]["spec"]["containers"]]


def test_the_guide_explains_every_setting_and_no_other() -> None:
    table = re.findall(r"^\| (`[A-Z].*?) \|", text_of("docs/settings.md"), re.MULTILINE)
    assert {name for row in table for name in re.findall("`([A-Z_]+)`", row)} == SETTINGS


def test_the_example_of_an_env_file_names_settings() -> None:
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", text_of(".env.example"), re.MULTILINE))
    assert {"SECRET_KEY", "DATABASE_URL"} < named <= SETTINGS | OTHERS


def test_the_image_is_for_production_and_knows_no_secret() -> None:
    named = dict(re.findall(r"([A-Z_]+)=(\S+)", " ".join(re.findall("^ENV (.*)", text_of("Dockerfile"), re.MULTILINE))))
    assert {name: value for name, value in named.items() if name in SETTINGS} == {"ENVIRONMENT": "production"}
    with pytest.raises(SettingsError):
        read_settings(named)


def test_compose_names_settings_and_serves_only_with_secrets_of_your_own() -> None:
    for name in ("service", "migrations"):
        settings = compose()[name]["environment"]
        assert set(settings) <= SETTINGS
        with pytest.raises(SettingsError):
            read_settings(settings | {"ENVIRONMENT": "production"})
    # Without one, compose itself refuses.
    for name in re.findall(r"\$\{([A-Z_]+)", text_of("compose.yaml")):
        assert f"{name}:?" in text_of("compose.yaml")
        assert re.search(f"^{name}=", text_of(".env.example"), re.MULTILINE)


def test_kubernetes_gets_settings_that_start_in_production() -> None:
    [known] = manifests("ConfigMap")
    secret = re.findall(r"--from-literal=([A-Z_]+)=", text_of("deploy/kubernetes/settings.yaml"))
    settings = {name: value for name, value in PRODUCTION.items() if name in secret} | known["data"]
    assert set(settings) <= SETTINGS
    assert read_settings(settings).environment is Environment.PRODUCTION
    assert manifests("Secret") == []


def test_every_container_in_kubernetes_gets_all_settings_and_can_write_nothing() -> None:
    [known] = manifests("ConfigMap")
    name = known["metadata"]["name"]
    assert len(containers()) == 2
    for container in containers():
        assert container["envFrom"] == [{"configMapRef": {"name": name}}, {"secretRef": {"name": name}}]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "memory" in container["resources"]["limits"]


def test_what_is_selected_in_kubernetes_is_what_runs() -> None:
    [deployment], [service] = manifests("Deployment"), manifests("Service")
    [budget], [autoscaler] = manifests("PodDisruptionBudget"), manifests("HorizontalPodAutoscaler")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels
    for one in (deployment, budget):
        assert one["spec"]["selector"]["matchLabels"] == labels
    [job] = manifests("Job")
    assert job["spec"]["template"]["metadata"]["labels"] != labels, "the service must not select the migration"
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_probes_ask_for_what_there_is() -> None:
    [deployment] = manifests("Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [port] = container["ports"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert [probe["path"] for probe in probes] == ["/health", "/health", "/health/ready"]
    assert {probe["port"] for probe in probes} == {port["name"]}
    assert f"EXPOSE {port['containerPort']}" in text_of("Dockerfile")
    # SQLAlchemy may take two seconds to close a connection that does not answer.
    assert container["readinessProbe"]["timeoutSeconds"] > READY_SECONDS + 2


@pytest.mark.checklist("I07")
def test_supervisors_stop_the_parent_alone_and_wait_until_it_has_drained() -> None:
    unit, program = text_of("deploy/systemd/service.service"), text_of("deploy/supervisor/service.conf")
    assert "\nKillMode=mixed\n" in unit
    assert "\nstopasgroup=false\n" in program
    for text, name in ((unit, "TimeoutStopSec"), (program, "stopwaitsecs")):
        [seconds] = re.findall(rf"^{name}=(\d+)$", text, re.MULTILINE)
        assert int(seconds) >= DRAIN_SECONDS + FINISH_SECONDS
        [command] = re.findall(r"/\.venv/bin/python -m app\.operations\.serve (.*)$", text, re.MULTILINE)
        assert serve.make_context("serve", command.split()).params["workers"] > 1
