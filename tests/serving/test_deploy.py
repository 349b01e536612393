"""What is in deploy/ fits the server: its arguments, its routes, its metrics and its files."""

import json
import re
from pathlib import Path

import pytest
import yaml

from transferlearn.cli.parser import make_parser
from transferlearn.cli.serve import _named
from transferlearn.serving.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
CONTAINERS = [
    yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["server"]["command"],
    *(
        re.search(r"args: (\[.*\])", (DEPLOY / name).read_text())[1]
        for name in ("kubernetes.yaml", "kserve.yaml")
    ),
]


@pytest.mark.parametrize("words", CONTAINERS)
def test_arguments_are_understood(words):
    words = words if isinstance(words, list) else json.loads(words)
    options = make_parser().parse_args(words)
    assert (options.host, options.port) == ("0.0.0.0", 8080)
    assert list(_named(options.models)) == ["flowers"]


def test_compose_passes_the_key_on():
    server = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["server"]
    assert server["environment"] == {"TRANSFERLEARN_API_KEY": "${TRANSFERLEARN_API_KEY:-}"}


def test_folders_are_named(tmp_path):
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert _named([str(odd), f"roses={tmp_path}"]) == {"a=b": odd, "roses": tmp_path}
    with pytest.raises(ValueError, match="same name"):
        _named(["x=1", "x=2"])


def test_every_metric_that_is_asked_for_is_there():
    made = Metrics()
    made.requests.labels("/", "200").inc()
    for labelled in (made.seconds, made.items, made.confidence, made.p_value, made.alarm):
        labelled.labels("x")
    known = set(re.findall(r"^(transferlearn_\w+)", made.text().decode(), re.M))
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    board = json.loads((DEPLOY / "grafana/transferlearn.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for ask in asked for name in re.findall(r"transferlearn_\w+", ask)}
    assert len(named) > 6
    assert named <= known


def test_containers_have_no_rights_and_time_to_start():
    deployment = next(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    pod = deployment["spec"]["template"]["spec"]
    kserve = yaml.safe_load((DEPLOY / "kserve.yaml").read_text())
    (predictor,) = kserve["spec"]["predictor"]["containers"]
    for context, container in (
        (pod["securityContext"], pod["containers"][0]),
        (predictor["securityContext"], predictor),
    ):
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 1000)
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["startupProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert "\nUSER 1000\n" in (DEPLOY / "Dockerfile").read_text()  # Kubernetes knows no names


def test_a_single_failure_is_no_alarm():
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    fails = {rule["alert"]: rule for rule in group["rules"]}["RequestsFail"]
    assert fails["for"] == "5m"
    assert "> 0.01" in fails["expr"]  # of all requests
    least = float(re.search(r"and .*> ([0-9.]+)", fails["expr"])[1])
    assert 300 * least > 1  # failures in the five minutes


def test_files_that_are_named_exist():
    for file in [*DEPLOY.glob("*.y*ml"), *DEPLOY.glob("grafana/*.yml")]:
        list(yaml.safe_load_all(file.read_text()))
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    mounts = [v for s in compose["services"].values() for v in s.get("volumes", ())]
    for place in (mount.split(":")[0] for mount in mounts if mount.startswith("./")):
        assert (DEPLOY / place).is_file(), place
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY")]
    ignored = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    for name in (name for names in copied for name in names):
        assert (DEPLOY.parent / name).exists()
        assert f"!{name}" in ignored
