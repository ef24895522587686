# SPDX-License-Identifier: Apache-2.0
"""What the tests of packaging/ share: the unit, the manifests, and which tools there are."""

import os
import shutil
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "jtrace.service"


def needs(*tools):
    """A test without one of these is skipped, unless JTRACE_REQUIRE names `tools`."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    required = "tools" in os.environ.get("JTRACE_REQUIRE", "").split(",")
    return unittest.skipIf(missing and not required, "there is no " + ", no ".join(missing))


def unit():
    """Setting -> its values, in order."""
    settings = {}
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            key, value = line.split("=", 1)
            settings.setdefault(key, []).append(value)
    return settings


def unit_capabilities():
    return unit()["AmbientCapabilities"][0].split()


def manifests():
    import yaml
    return list(yaml.safe_load_all((PACKAGING / "kubernetes/jtrace.yaml").read_text()))


def manifest(kind):
    return next(one for one in manifests() if one["kind"] == kind)


def container():
    return manifest("DaemonSet")["spec"]["template"]["spec"]["containers"][0]
