// SPDX-License-Identifier: Apache-2.0
// Records of the agent's log, as the agent writes them, and wrong ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "jvmsym/agent/log_format.h"

namespace jtrace::test {

template <class T>
void append_raw(std::string& to, const T& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

inline std::string finish(std::string record) {
  record.resize((record.size() + 7) / 8 * 8);
  const auto bytes = static_cast<std::uint32_t>(record.size());
  std::memcpy(record.data(), &bytes, sizeof(bytes));
  return record;
}

inline jt_agent_record record_head(std::uint16_t type, std::uint64_t time) {
  return {.bytes = 0, .type = type, .flags = 0, .time_ns = time};
}

// "Lclass;.name()V" of `source`.
struct TestMethod {
  std::string class_text, name, signature = "()V", source = "A.java";
};

struct TestLoad {
  std::uint64_t code = 0x10000;
  std::uint32_t bytes = 0x100;
  std::uint32_t id = 1;
  std::uint64_t time = 100;
  std::int32_t level = 4;
  std::vector<TestMethod> methods{{"Lpkg/A;", "a"}};
  std::vector<jt_agent_node> nodes{};
  std::vector<jt_agent_pc> pcs{};

  [[nodiscard]] std::string text() const {
    std::string record;
    append_raw(record, jt_agent_load{.head = record_head(JT_AGENT_LOAD, time),
                                     .code = code,
                                     .code_bytes = bytes,
                                     .compile_id = id,
                                     .comp_level = level,
                                     .methods = static_cast<std::uint32_t>(methods.size()),
                                     .nodes = static_cast<std::uint32_t>(nodes.size()),
                                     .pcs = static_cast<std::uint32_t>(pcs.size())});
    for (const auto& node : nodes) append_raw(record, node);
    for (const auto& pc : pcs) append_raw(record, pc);
    const auto size = [](const std::string& s) { return static_cast<std::uint16_t>(s.size()); };
    for (const auto& m : methods) {
      append_raw(record, jt_agent_method{size(m.class_text), size(m.name), size(m.signature),
                                         size(m.source)});
    }
    for (const auto& m : methods) record += m.class_text + m.name + m.signature + m.source;
    return finish(record);
  }
};

inline std::string unload_record(std::uint64_t code, std::uint64_t time) {
  std::string record;
  append_raw(record, jt_agent_unload{record_head(JT_AGENT_UNLOAD, time), code});
  return finish(record);
}

inline std::string stub_record(std::uint64_t code, std::uint32_t bytes, std::uint64_t time,
                               const std::string& name) {
  std::string record;
  append_raw(record, jt_agent_stub{record_head(JT_AGENT_STUB, time), code, bytes,
                                   static_cast<std::uint32_t>(name.size())});
  return finish(record + name);
}

inline std::string log_head(std::uint64_t start, std::uint64_t full = 0,
                            std::uint64_t stopped = 0) {
  std::string head;
  append_raw(head, jt_agent_head{JT_AGENT_LOG_MAGIC, start, full, 0, stopped, 0});
  return head;
}

}  // namespace jtrace::test
