# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files for Kubernetes and Slurm: every field is one that the API has, of
its type, and what they say agrees with the programs.

The schemas here are the part of Kubernetes 1.33 that the files use; a field
that is not in them is an error, so a misspelt one cannot pass. Kubernetes' own
schemas come with PyPI's kubernetes-validate, which tests/run brings where it
can."""

import os
import re
import subprocess
import sys

from service import PROGRAMS, check, finish, skip

try:
    import yaml
except ImportError:
    print("1..0 # SKIP python3-yaml is not installed")
    sys.exit(0)

try:
    import kubernetes_validate
except ImportError:
    kubernetes_validate = None

ROOT = os.environ["PET_ROOT"]
# The first that has backoffLimitPerIndex by default, the one where it became
# stable, and the last that the package knows.
VERSIONS = ["1.29", "1.33", "1.37"]
QUANTITY = re.compile(r"^\d+(\.\d+)?(m|k|M|G|Ki|Mi|Gi)?$")
NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")


def one_of(*values):
    """A text of these."""
    return lambda v: v in values


def quantity(value):
    """500m, 512Mi, 2"""
    return isinstance(value, str) and bool(QUANTITY.match(value))


def name(value):
    """A DNS label."""
    return isinstance(value, str) and bool(NAME.match(value))


def texts(value):
    """A map of texts."""
    return isinstance(value, dict) and all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items())


# "field!" must be there; a list of one stands for a list of such.
META = {"name!": name, "labels": texts, "annotations": texts}
SELECTOR = {"matchLabels!": texts}
PROBE = {"httpGet!": {"path!": str, "port!": (int, str)}, "periodSeconds": int,
         "failureThreshold": int, "timeoutSeconds": int}
CONTAINER = {
    "name!": name, "image!": str, "command": [str], "args": [str],
    "env": [{"name!": str, "value!": str}],
    "ports": [{"name": name, "containerPort!": int}],
    "startupProbe": PROBE, "livenessProbe": PROBE, "readinessProbe": PROBE,
    "lifecycle": {"preStop": {"exec": {"command!": [str]}}},
    "resources!": {"requests!": {"cpu!": quantity, "memory!": quantity},
                   "limits!": {"memory!": quantity}},
    "securityContext": {"allowPrivilegeEscalation": bool,
                        "readOnlyRootFilesystem": bool,
                        "capabilities": {"drop": [str]}},
    "volumeMounts": [{"name!": name, "mountPath!": str}],
}
POD = {"metadata!": {"labels!": texts, "annotations": texts}, "spec!": {
    "restartPolicy": one_of("Never", "OnFailure", "Always"),
    "terminationGracePeriodSeconds": int,
    "securityContext": {"runAsNonRoot": bool, "runAsUser": int, "fsGroup": int,
                        "seccompProfile": {"type!": str}},
    "containers!": [CONTAINER],
    "volumes": [{"name!": name, "emptyDir": {"sizeLimit": quantity},
                 "persistentVolumeClaim": {"claimName!": name}}]}}
SCHEMAS = {
    ("batch/v1", "Job"): {
        "completionMode": one_of("Indexed", "NonIndexed"),
        "completions": int, "parallelism": int, "backoffLimitPerIndex": int,
        "maxFailedIndexes": int, "template!": POD,
        "podFailurePolicy": {"rules!": [{
            "action!": one_of("FailJob", "FailIndex", "Ignore", "Count"),
            "onExitCodes": {"containerName": name,
                            "operator!": one_of("In", "NotIn"),
                            "values!": [int]},
            "onPodConditions": [{"type!": str,
                                 "status": one_of("True", "False")}]}]}},
    ("apps/v1", "Deployment"): {
        "replicas": int, "selector!": SELECTOR, "template!": POD,
        "strategy": {"type!": one_of("RollingUpdate", "Recreate"),
                     "rollingUpdate": {"maxUnavailable": (int, str),
                                       "maxSurge": (int, str)}}},
    ("v1", "Service"): {
        "selector!": texts,
        "ports!": [{"name": name, "port!": int, "targetPort": (int, str)}]},
    ("autoscaling/v2", "HorizontalPodAutoscaler"): {
        "scaleTargetRef!": {"apiVersion!": str, "kind!": str, "name!": name},
        "minReplicas": int, "maxReplicas!": int,
        "metrics": [{"type!": one_of("Pods"), "pods": {
            "metric!": {"name!": str},
            "target!": {"type!": one_of("AverageValue"),
                        "averageValue!": quantity}}}],
        "behavior": {"scaleUp": {"stabilizationWindowSeconds": int},
                     "scaleDown": {"stabilizationWindowSeconds": int}}},
    ("policy/v1", "PodDisruptionBudget"): {
        "minAvailable": (int, str), "selector!": SELECTOR},
}


def faults(value, schema, path):
    """Yields what does not fit."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            yield f"{path} is no map"
            return
        fields = {k.rstrip("!"): v for k, v in schema.items()}
        for key in schema:
            if key.endswith("!") and key[:-1] not in value:
                yield f"{path}.{key[:-1]} is missing"
        for key, inner in value.items():
            if key not in fields:
                yield f"{path}.{key} is not a field"
            else:
                yield from faults(inner, fields[key], f"{path}.{key}")
    elif isinstance(schema, list):
        if not isinstance(value, list) or not value:
            yield f"{path} is no list"
            return
        for i, inner in enumerate(value):
            yield from faults(inner, schema[0], f"{path}[{i}]")
    elif isinstance(schema, (type, tuple)):
        if not isinstance(value, schema) or \
                isinstance(value, bool) and schema is int:
            yield f"{path} is {value!r}"
    elif not schema(value):
        yield f"{path} is {value!r}"


def document_faults(document):
    """Yields what is wrong with one object."""
    schema = SCHEMAS.get((document.get("apiVersion"), document.get("kind")))
    if schema is None:
        yield "no such kind here"
        return
    yield from faults(document, {"apiVersion!": str, "kind!": str,
                                 "metadata!": META, "spec!": schema},
                      document["kind"])


def read(file):
    """The objects of a file."""
    with open(os.path.join(ROOT, "pipelines/k8s", file),
              encoding="utf-8") as stream:
        return list(yaml.safe_load_all(stream))


def to_bytes(text):
    """512Mi, 256M (ours: binary) as bytes."""
    number, unit = re.match(r"(\d+)(\w*)", text).groups()
    return int(number) << {"M": 20, "Mi": 20, "G": 30, "Gi": 30}[unit]


def option_of(container, option):
    """Value of --option=VALUE."""
    return next(arg.split("=", 1)[1] for arg in container["args"]
                if arg.startswith(f"--{option}="))


def unknown_options(container):
    """Options that the program does not have."""
    text = subprocess.run([os.path.join(PROGRAMS, container["command"][0]),
                           "--help"], capture_output=True, text=True,
                          check=True).stdout
    return [arg for arg in container["args"] if arg.startswith("--") and
            not re.search(re.escape(arg.split("=")[0]) + r"\b", text)]


def check_container(what, container):
    """What holds for both programs."""
    check(f"{what}: the program has its options",
          not unknown_options(container), unknown_options(container))
    limit = to_bytes(container["resources"]["limits"]["memory"])
    budget = to_bytes(option_of(container, "memory"))
    check(f"{what}: --memory is half of the container's limit",
          2 * budget == limit, (budget, limit))


def test_job():
    """batch-job.yaml"""
    job = read("batch-job.yaml")[0]["spec"]
    container = job["template"]["spec"]["containers"][0]
    check_container("job", container)
    check("job: JOB_COMPLETIONS is the number of completions",
          {e["name"]: e["value"] for e in container["env"]} ==
          {"JOB_COMPLETIONS": str(job["completions"])})
    actions = {code: rule["action"] for rule in job["podFailurePolicy"]["rules"]
               for code in rule.get("onExitCodes", {}).get("values", [])}
    check("job: each exit status of pet-batch has its rule", actions == {
        1: "FailJob", 4: "FailJob", 2: "FailIndex", 5: "FailIndex",
        3: "Ignore"}, actions)
    check("job: the policy's conditions of the API", job["template"]["spec"][
        "restartPolicy"] == "Never" and job["completionMode"] == "Indexed")


def test_serve():
    """serve.yaml"""
    deployment, service, scaler, budget = read("serve.yaml")
    pod = deployment["spec"]["template"]
    container = pod["spec"]["containers"][0]
    check_container("serve", container)
    with open(os.path.join(ROOT, "pipelines/serve-routes.c"),
              encoding="utf-8") as file:
        routes = file.read()
    paths = {container[p]["httpGet"]["path"] for p in (
        "startupProbe", "livenessProbe", "readinessProbe")}
    check("serve: probes ask routes that there are",
          all(f'"{path}"' in routes for path in paths), paths)
    with open(os.path.join(ROOT, "pipelines/serve-watch.c"),
              encoding="utf-8") as file:
        watch = file.read()
    metric = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    check("serve: the autoscaler's metric is exported",
          f'"{metric}"' in watch, metric)
    labels = pod["metadata"]["labels"].items()
    check("serve: all selectors select the pods", all(
        s.items() <= labels for s in (
            deployment["spec"]["selector"]["matchLabels"],
            service["spec"]["selector"],
            budget["spec"]["selector"]["matchLabels"])))
    check("serve: the cache fits its volume",
          to_bytes(option_of(container, "cache-size")) <
          to_bytes(pod["spec"]["volumes"][0]["emptyDir"]["sizeLimit"]))
    check("serve: SIGTERM has time to drain", pod["spec"][
        "terminationGracePeriodSeconds"] > 60 + 20 + 5)


def own_faults(document, version):
    """What Kubernetes' own schema has against an object."""
    try:
        kubernetes_validate.validate(document, version, strict=True)
        return None
    except kubernetes_validate.ValidationError as error:
        return error.message


def test_own_schemas(file):
    """By all fields of all kinds, in several versions."""
    if kubernetes_validate is None:
        skip(f"{file}: by Kubernetes' own schemas",
             "kubernetes-validate is not installed")
        return
    for version in VERSIONS:
        found = [fault for document in read(file)
                 if (fault := own_faults(document, version)) is not None]
        check(f"{file}: by the schemas of Kubernetes {version}", not found,
              found)
    broken = read(file)[0]
    broken["spec"]["template"]["spec"]["contaniers"] = []
    check(f"{file}: they find a misspelt field",
          own_faults(broken, VERSIONS[0]) is not None)


def test_schema():
    """The check itself finds faults."""
    job = read("batch-job.yaml")[0]
    job["spec"]["backOffLimitPerIndex"] = 3
    del job["spec"]["template"]["spec"]["containers"][0]["image"]
    job["spec"]["completions"] = "8"
    found = list(document_faults(job))
    check("a misspelt, a missing and a wrong field are found",
          len(found) == 3, found)


def main():
    for file in sorted(os.listdir(os.path.join(ROOT, "pipelines/k8s"))):
        found = [fault for document in read(file)
                 for fault in document_faults(document)]
        check(f"{file}: every field is one of the API", not found, found)
        test_own_schemas(file)
    test_schema()
    test_job()
    test_serve()
    for script in ("array.sbatch", "demo"):
        path = os.path.join(ROOT, "pipelines/slurm", script)
        check(f"{script}: its syntax", subprocess.run(
            ["bash", "-n", path], check=False).returncode == 0)
    finish()


main()
