# SPDX-License-Identifier: Apache-2.0
"""Reads OpenTelemetry's profiles by what protoc generates from the definitions of a package.

Nothing of those definitions is in this tree: scripts/fetch_otlp brings them. Where they or protoc
cannot be had, reason() says why.
"""

import importlib
import pathlib
import subprocess
import sys
import tempfile

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"
FILES = ["common/v1/common.proto", "resource/v1/resource.proto",
         "profiles/v1development/profiles.proto",
         "collector/profiles/v1development/profiles_service.proto"]
PINNED = "1.11.0"  # what user/export/otlp.cpp writes


class Definitions:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.version, include = subprocess.run(
            [SCRIPTS / "fetch_otlp"], check=True, capture_output=True, text=True).stdout.split()
        subprocess.run(["protoc", f"-I{include}", f"--python_out={self.folder.name}",
                        *("opentelemetry/proto/" + file for file in FILES)], check=True)
        sys.path.insert(0, self.folder.name)
        module = "opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2"
        self.request = importlib.import_module(module).ExportProfilesServiceRequest
        # Later definitions may add fields; they must still read what follows the pinned ones.
        if not self.version.startswith(PINNED + "-"):
            print(f"note: definitions are {self.version}, the writer follows {PINNED}")

    def read(self, data):
        """The request in `data`: none of it unknown to the definitions, and as they demand it."""
        request = self.request.FromString(data)
        known = self.request.FromString(data)
        known.DiscardUnknownFields()
        assert known.ByteSize() == request.ByteSize(), "fields that the definitions do not have"
        check(request)
        return request


def reason():
    """Why nothing can be read here; None: it can."""
    try:
        import google.protobuf  # pylint: disable=unused-import,import-outside-toplevel
        subprocess.run(["protoc", "--version"], check=True, capture_output=True)
        subprocess.run([SCRIPTS / "fetch_otlp"], check=True, capture_output=True)
    except ImportError:
        return "no protobuf for Python (package python3-protobuf)"
    except OSError:
        return "no protoc (package protobuf-compiler)"
    except subprocess.CalledProcessError as error:
        return f"definitions cannot be fetched: {error.stderr.decode().strip()[-200:]}"
    return None


def check(request):
    """What the definitions demand in words: zero values, indices in range, nothing twice."""
    tables = request.dictionary
    for name in ("mapping", "location", "function", "attribute", "stack"):
        table = getattr(tables, name + "_table")
        assert table[0] == type(table[0])(), f"{name}_table[0] is not the zero value"
        items = [item.SerializeToString(deterministic=True) for item in table]
        assert len(set(items)) == len(items), f"{name}_table holds an item twice"
    assert tables.string_table[0] == "" and not any(tables.link_table[0].trace_id)
    assert len(set(tables.string_table)) == len(tables.string_table)
    for location in tables.location_table[1:]:
        assert location.mapping_index < len(tables.mapping_table)
        assert all(0 < line.function_index < len(tables.function_table) for line in location.lines)
    for stack in tables.stack_table[1:]:
        assert all(0 < i < len(tables.location_table) for i in stack.location_indices)
    holders = [*tables.location_table, *tables.mapping_table]
    for profile in profiles(request):
        assert len(profile.profile_id) == 16
        holders += [profile, *profile.samples]
        seen = set()
        for sample in profile.samples:
            assert 0 < sample.stack_index < len(tables.stack_table)
            assert len(sample.values) == 1
            identity = (sample.stack_index, frozenset(sample.attribute_indices))
            assert identity not in seen, "two samples of one identity"
            seen.add(identity)
    for holder in holders:
        keys = [tables.attribute_table[i].key_strindex for i in holder.attribute_indices]
        assert 0 not in keys and len(set(keys)) == len(keys), "a key twice in one place"


def profiles(request):
    return [profile for resource in request.resource_profiles
            for scope in resource.scope_profiles for profile in scope.profiles]


def value(any_value):
    which = any_value.WhichOneof("value")
    found = getattr(any_value, which)
    return [value(one) for one in found.values] if which == "array_value" else found


def attributes(request, indices):
    """Of a holder's attribute_indices: key -> value, or (value, unit)."""
    tables, found = request.dictionary, {}
    for i in indices:
        attribute = tables.attribute_table[i]
        unit = tables.string_table[attribute.unit_strindex]
        this = value(attribute.value)
        found[tables.string_table[attribute.key_strindex]] = (this, unit) if unit else this
    return found


def resource(request):
    return {one.key: value(one.value)
            for one in request.resource_profiles[0].resource.attributes}


def frames(request, sample):
    """Names, root first; inlined ones follow the frame they are in."""
    tables, names = request.dictionary, []
    for i in tables.stack_table[sample.stack_index].location_indices:
        for line in tables.location_table[i].lines:
            names.append(tables.string_table[tables.function_table[line.function_index].name_strindex])
    return tuple(reversed(names))


def types(request):
    """(type, unit) of each profile, in their order."""
    table = request.dictionary.string_table
    return [(table[p.sample_type.type_strindex], table[p.sample_type.unit_strindex])
            for p in profiles(request)]
