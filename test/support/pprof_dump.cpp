// SPDX-License-Identifier: Apache-2.0
#include "support/pprof_dump.h"

#include <zlib.h>

#include <string>

#include "support/protobuf_dump.h"

namespace jtrace::test {
namespace {

std::string inflated(std::string_view file) {
  std::string in(file);
  std::string out(64U << 20, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, 31) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return state == Z_STREAM_END ? out : std::string();
}

const Schema& schema() {
  using enum Form;
  static const Schema kSchema{
      {"",
       {{1, {"sample_type", Message}},
        {2, {"sample", Message}},
        {3, {"mapping", Message}},
        {4, {"location", Message}},
        {5, {"function", Message}},
        {6, {"string", Text}},
        {9, {"time_nanos"}},
        {10, {"duration_nanos"}},
        {11, {"period_type", Message}},
        {12, {"period"}},
        {13, {"comment", Packed}},
        {14, {"default_sample_type"}}}},
      {"sample_type", {{1, {"type"}}, {2, {"unit"}}}},
      {"period_type", {{1, {"type"}}, {2, {"unit"}}}},
      {"sample", {{1, {"location", Packed}}, {2, {"value", Packed}}, {3, {"label", Message}}}},
      {"sample.label", {{1, {"key"}}, {2, {"str"}}, {3, {"num"}}, {4, {"num_unit"}}}},
      {"mapping",
       {{1, {"id"}},
        {2, {"start"}},
        {3, {"limit"}},
        {4, {"offset"}},
        {5, {"filename"}},
        {6, {"build_id"}},
        {7, {"has_functions"}}}},
      {"location", {{1, {"id"}}, {2, {"mapping"}}, {3, {"address"}}, {4, {"line", Message}}}},
      {"location.line", {{1, {"function"}}, {2, {"line"}}}},
      {"function", {{1, {"id"}}, {2, {"name"}}, {3, {"system_name"}}, {4, {"filename"}}}}};
  return kSchema;
}

}  // namespace

std::string pprof_dump(std::string_view file) { return protobuf_dump(inflated(file), schema()); }

}  // namespace jtrace::test
