# SPDX-License-Identifier: Apache-2.0
"""What arrived at a backend, in one form for all three: OTLP by the reader generated from its
definitions, pprof by Go's pprof."""

import base64
import gzip
import json
import os
import re
import subprocess
import tempfile

import otlp

# What a process is called in each: pprof's labels as they are, OpenTelemetry's by its conventions.
OF_OTLP = {"process.pid": "pid", "process.creation.time": "start", "process.executable.name": "comm",
           "jtrace.process.main": "main", "container.id": "container",
           "process.linux.cgroup": "cgroup", "k8s.pod.uid": "pod", "host.name": "host",
           "service.name": "service_name"}


class Arrival:
    """One body: `about` is of the whole (the resource, the series), `samples` are (frames root
    first, labels, value), `when` is the begin of its window in ns."""

    def __init__(self, about, when, samples):
        self.about, self.when, self.samples = about, when, samples

    def total(self, function=None):
        """Events, of all stacks or of those through `function`."""
        return sum(value for frames, _, value in self.samples
                   if function is None or any(name.startswith(function) for name in frames))


def of_request(backend, definitions, request):
    path, headers, body = request
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    if backend == "otlp":
        assert path == "/v1development/profiles", path
        return of_otlp(definitions.read(body))
    series = json.loads(body)["series"]
    assert len(series) == 1 and len(series[0]["samples"]) == 1
    labels = series[0]["labels"] if backend == "pyroscope" else series[0]["labels"]["labels"]
    about = {one["name"]: one["value"] for one in labels}
    assert len(about) == len(labels), "a label twice"
    if "pid" in about:
        about["pid"] = int(about["pid"])
    return of_pprof(about, base64.b64decode(series[0]["samples"][0]["rawProfile"], validate=True))


def of_otlp(request):
    (profile,) = otlp.profiles(request)
    about = {OF_OTLP.get(key, key): value for key, value in otlp.resource(request).items()}
    samples = []
    for sample in profile.samples:
        labels = otlp.attributes(request, sample.attribute_indices)
        samples.append((otlp.frames(request, sample),
                        {OF_OTLP.get(key, key): value for key, value in labels.items()},
                        sample.values[0]))
    return Arrival(about, profile.time_unix_nano, samples)


def of_pprof(about, data):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "arrived.pb.gz")
        with open(file, "wb") as out:
            out.write(data)
        text = subprocess.run(
            ["go", "tool", "pprof", "-symbolize=none", "-raw", file], check=True, text=True,
            capture_output=True, env={**os.environ, "HOME": folder, "PPROF_TMPDIR": folder,
                                      "GOFLAGS": "-mod=mod"}).stdout
    when = re.search(r"^Time: (.*)$", text, re.M)[1]
    samples, names = sections(text)
    named = [(tuple(name for i in reversed(stack) for name in names[i]), labels, value)
             for stack, labels, value in samples]
    return Arrival(about, when, named)


def sections(text):
    """Samples (location ids leaf first, labels, first value), and id -> names, outermost first."""
    samples, names, section, last = [], {}, None, None
    for line in text.splitlines():
        if line in ("Samples:", "Locations", "Mappings"):
            section = line
        elif section == "Samples:":
            if stack := re.fullmatch(r" *(-?\d+)(?: +-?\d+)*: ([\d ]*)", line):
                samples.append(([int(i) for i in stack[2].split()], {}, int(stack[1])))
            elif samples:
                samples[-1][1].update(re.findall(r"(\S+):\[(.*?)\](?= |$)", line.strip()))
        elif section == "Locations":
            if first := re.match(r" *(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(.*?) \S*:\d+(?::\d+)? s=", line):
                last = int(first[1])
                names[last] = [first[2]]
            elif first := re.match(r" *(\d+): 0x", line):
                last = int(first[1])
                names[last] = ["[unknown]"]
            elif inlined := re.match(r" +(\S.*?) \S*:\d+(?::\d+)? s=", line):
                names[last].insert(0, inlined[1])
    return samples, names
