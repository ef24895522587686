// SPDX-License-Identifier: Apache-2.0
#include "support/otlp_dump.h"

#include "support/protobuf_dump.h"

namespace jtrace::test {
namespace {

// What the format's writer uses of it, no more: anything else would show as "?".
const Schema& schema() {
  using enum Form;
  static const Schema kSchema{
      {"", {{1, {"resource_profiles", Message}}, {2, {"dictionary", Message}}}},
      {"resource_profiles", {{1, {"resource", Message}}, {2, {"scope_profiles", Message}}}},
      {"resource_profiles.resource", {{1, {"attributes", Message}}}},
      {"resource_profiles.resource.attributes", {{1, {"key", Text}}, {2, {"value", Message}}}},
      {"resource_profiles.resource.attributes.value",
       {{1, {"string", Text}}, {2, {"bool"}}, {3, {"int"}}, {5, {"array", Message}}}},
      {"resource_profiles.resource.attributes.value.array", {{1, {"values", Message}}}},
      {"resource_profiles.resource.attributes.value.array.values", {{1, {"string", Text}}}},
      {"resource_profiles.scope_profiles", {{1, {"scope", Message}}, {2, {"profiles", Message}}}},
      {"resource_profiles.scope_profiles.scope",
       {{1, {"name", Text}}, {3, {"attributes", Message}}}},
      {"resource_profiles.scope_profiles.scope.attributes",
       {{1, {"key", Text}}, {2, {"value", Message}}}},
      {"resource_profiles.scope_profiles.scope.attributes.value",
       {{1, {"string", Text}}, {2, {"bool"}}, {3, {"int"}}, {5, {"array", Message}}}},
      {"resource_profiles.scope_profiles.scope.attributes.value.array", {{1, {"values", Message}}}},
      {"resource_profiles.scope_profiles.scope.attributes.value.array.values",
       {{1, {"string", Text}}}},
      {"resource_profiles.scope_profiles.profiles",
       {{1, {"sample_type", Message}},
        {2, {"samples", Message}},
        {3, {"time_unix_nano", Fixed64}},
        {4, {"duration_nano"}},
        {5, {"period_type", Message}},
        {6, {"period"}},
        {7, {"profile_id", Bytes}},
        {11, {"attribute_indices", Packed}}}},
      {"resource_profiles.scope_profiles.profiles.sample_type", {{1, {"type"}}, {2, {"unit"}}}},
      {"resource_profiles.scope_profiles.profiles.period_type", {{1, {"type"}}, {2, {"unit"}}}},
      {"resource_profiles.scope_profiles.profiles.samples",
       {{1, {"stack"}}, {2, {"attributes", Packed}}, {4, {"values", Packed}}}},
      {"dictionary",
       {{1, {"mapping", Message}},
        {2, {"location", Message}},
        {3, {"function", Message}},
        {4, {"link", Message}},
        {5, {"string", Text}},
        {6, {"attribute", Message}},
        {7, {"stack", Message}}}},
      {"dictionary.mapping",
       {{1, {"start"}},
        {2, {"limit"}},
        {3, {"offset"}},
        {4, {"filename"}},
        {5, {"attributes", Packed}}}},
      {"dictionary.location",
       {{1, {"mapping"}}, {2, {"address"}}, {3, {"lines", Message}}, {4, {"attributes", Packed}}}},
      {"dictionary.location.lines", {{1, {"function"}}, {2, {"line"}}}},
      {"dictionary.function", {{1, {"name"}}, {2, {"system_name"}}, {3, {"filename"}}}},
      {"dictionary.link", {{1, {"trace_id", Bytes}}, {2, {"span_id", Bytes}}}},
      {"dictionary.attribute", {{1, {"key"}}, {2, {"value", Message}}, {3, {"unit"}}}},
      {"dictionary.attribute.value",
       {{1, {"string", Text}}, {2, {"bool"}}, {3, {"int"}}, {5, {"array", Message}}}},
      {"dictionary.attribute.value.array", {{1, {"values", Message}}}},
      {"dictionary.attribute.value.array.values", {{1, {"string", Text}}}},
      {"dictionary.stack", {{1, {"locations", Packed}}}}};
  return kSchema;
}

}  // namespace

std::string otlp_dump(std::string_view file) { return protobuf_dump(file, schema()); }

}  // namespace jtrace::test
