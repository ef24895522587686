// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/jtrace_abi.h"
#include "session/events.h"

namespace jtrace::session {

// A field of an event and its value, as a person reads it. Hostile: it may be any bytes.
struct ShownValue {
  std::string name;  // "filename"
  std::string text;  // "/etc/passwd"
};

// The values that events showed (--by), as they came from the kernel: each once, under an id. At
// most JT_MAX_TUPLES of them.
class ValueStore {
 public:
  explicit ValueStore(const Events& events) : events_(events) {}

  void add(const jt_values& values);
  // As SampleStore::follow() and inherit().
  void follow(const ValueStore& last) { before_ = last.by_id_; }
  void inherit(std::uint64_t id);

  // What the key's event showed, in the order asked for. `thread` names a thread by its tid.
  using ThreadName = std::function<std::string(std::uint32_t)>;
  [[nodiscard]] std::vector<ShownValue> shown(const jt_stack_key& key,
                                              const ThreadName& thread) const;

 private:
  struct Raw {
    std::uint64_t number = 0;
    bool readable = true;
    bool cut = false;
    std::string text;
  };
  [[nodiscard]] std::string text_of(const Event& event, std::size_t field, const Raw& raw,
                                    const ThreadName& thread) const;

  const Events& events_;
  using Values = std::unordered_map<std::uint64_t, std::vector<Raw>>;
  [[nodiscard]] const std::vector<Raw>* find(std::uint64_t id) const;

  std::shared_ptr<Values> by_id_ = std::make_shared<Values>();
  std::shared_ptr<const Values> before_;
};

}  // namespace jtrace::session
