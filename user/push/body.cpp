// SPDX-License-Identifier: Apache-2.0
#include "push/body.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "export/exporter.h"
#include "export/gzip.h"
#include "export/source.h"
#include "profile/split.h"

namespace jtrace::push {
namespace {

using nlohmann::json;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U;
    };
    const std::uint32_t word = byte(0) << 16U | byte(1) << 8U | byte(2);
    for (unsigned i = 0; i < 4; ++i) {
      out += at + i > bytes.size() ? '=' : kDigits[word >> (18 - 6 * i) & 0x3fU];
    }
  }
  return out;
}

std::string written(std::string_view format, const profile::Profile& profile) {
  return (*exporting::exporter_by_name(format))->write(profile, {});
}

json labels_of(const profile::Profile& profile) {
  const exporting::Source source = exporting::source_of(profile.header);
  json labels = json::array();
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) labels.push_back({{"name", name}, {"value", value}});
  };
  put("__name__", "jtrace");
  put("service_name", source.service);
  if (source.pid) put("pid", std::to_string(*source.pid));
  if (const auto& process = profile.header.process) {
    for (const auto& [key, text] : profile::kProcessTexts) {
      put(std::string(key).c_str(), exporting::safe_text((*process).*text));
    }
  }
  put("host", exporting::safe_text(profile.header.host));
  put("event", exporting::safe_text(profile.header.title));
  return labels;
}

}  // namespace

std::string make_body(Backend backend, const profile::Profile& profile) {
  if (backend == Backend::Otlp) return exporting::gzip(written("otlp", profile));
  const json samples = json::array({{{"rawProfile", base64(written("pprof", profile))}}});
  json labels = labels_of(profile);
  if (backend == Backend::Pyroscope) {
    const json series = {{"labels", std::move(labels)}, {"samples", samples}};
    return exporting::gzip(json{{"series", json::array({series})}}.dump());
  }
  // Addresses are those of the files already.
  const json series = {{"labels", {{"labels", std::move(labels)}}}, {"samples", samples}};
  return json{{"normalized", true}, {"series", json::array({series})}}.dump();
}

std::vector<std::string> make_bodies(Backend backend, const profile::Profile& profile) {
  std::vector<std::string> bodies;
  for (const auto& part : profile::split_by_process(profile, kMostBodies)) {
    bodies.push_back(make_body(backend, part));
  }
  return bodies;
}

}  // namespace jtrace::push
