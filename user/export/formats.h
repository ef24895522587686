// SPDX-License-Identifier: Apache-2.0
// What the formats share inside this room; the registry's list is in registry.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "export/exporter.h"
#include "profile/profile.h"

namespace jtrace::exporting {

[[nodiscard]] std::string write_collapsed(const profile::Profile& profile,
                                          const WriteOptions& options);
[[nodiscard]] std::string write_text(const profile::Profile& profile, const WriteOptions& options);
[[nodiscard]] std::string write_pprof(const profile::Profile& profile, const WriteOptions& options);
// The message that write_pprof() compresses.
[[nodiscard]] std::string pprof_message(const profile::Profile& profile,
                                        const WriteOptions& options);
[[nodiscard]] std::string write_speedscope(const profile::Profile& profile,
                                           const WriteOptions& options);
[[nodiscard]] std::string write_otlp(const profile::Profile& profile, const WriteOptions& options);
[[nodiscard]] std::string write_json(const profile::Profile& profile, const WriteOptions& options);
[[nodiscard]] std::string write_events(const profile::Profile& profile,
                                       const WriteOptions& options);
[[nodiscard]] std::string write_html(const profile::Profile& profile, const WriteOptions& options);

// The page of assets/ as built in (embed_page.cmake).
[[nodiscard]] std::string_view flamegraph_page();

// A word for machines: "java-inlined". The page keys its colours and its legend by it.
[[nodiscard]] std::string_view kind_name(profile::FrameKind kind);

// For text that is safe already: two characters of it mean something to JSON.
[[nodiscard]] std::string json_escaped(std::string_view safe);

// A JSON string of safe_text().
[[nodiscard]] std::string json_string(std::string_view text);

// The histograms of a profile; empty where it has none.
[[nodiscard]] std::string histogram_text(const profile::Profile& profile, bool lines);

// "2026-11-22 20:36:08 UTC"; empty for the epoch, which is a header that was not filled in.
[[nodiscard]] std::string time_text(std::chrono::system_clock::time_point time);

// "250 ms", "30.0 s", "2 min 5 s", "1 h 0 min 3 s".
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds duration);

// A value in its unit, to three digits: "1.5 ms", "3.25 MiB"; "1,234" of any unit but nanoseconds
// and bytes.
[[nodiscard]] std::string value_text(std::int64_t value, std::string_view unit);

// "1.5 ms", "1,234 events": what counts says what is counted.
[[nodiscard]] std::string weight_text(std::int64_t value, const profile::ValueType& type);

// Characters of UTF-8, of which each begins with a byte that does not go on with another.
[[nodiscard]] std::size_t columns(std::string_view text);

// "1 event", "1,234 events"
[[nodiscard]] std::string events_text(std::int64_t count);

// "1,234,567"
[[nodiscard]] std::string count_text(std::int64_t count);
[[nodiscard]] std::string count_text(std::uint64_t count);

}  // namespace jtrace::exporting
