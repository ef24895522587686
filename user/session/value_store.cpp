// SPDX-License-Identifier: Apache-2.0
#include "session/value_store.h"

#include <algorithm>
#include <span>

#include "filter/fd_text.h"

namespace jtrace::session {

void ValueStore::add(const jt_values& values) {
  if (by_id_->size() >= JT_MAX_TUPLES) return;
  std::vector<Raw> all;
  const std::size_t count = std::min<std::size_t>(values.count, JT_MAX_BY);
  for (const jt_text& one : std::span(values.value).first(count)) {
    Raw raw{.number = one.number, .readable = one.bytes >= 0, .cut = one.cut != 0, .text = {}};
    if (raw.readable) {
      const auto bytes = static_cast<std::size_t>(one.bytes);
      raw.text.assign(one.text, std::min<std::size_t>(bytes, JT_TEXT_BYTES));
    }
    all.push_back(std::move(raw));
  }
  by_id_->try_emplace(values.id, std::move(all));
}

const std::vector<ValueStore::Raw>* ValueStore::find(std::uint64_t id) const {
  for (const auto& values : {std::shared_ptr<const Values>(by_id_), before_}) {
    if (!values) continue;
    if (const auto it = values->find(id); it != values->end()) return &it->second;
  }
  return nullptr;
}

void ValueStore::inherit(std::uint64_t id) {
  if (const auto* values = find(id)) by_id_->try_emplace(id, *values);
}

std::string ValueStore::text_of(const Event& event, std::size_t field, const Raw& raw,
                                const ThreadName& thread) const {
  const filter::Shown& shown = event.program.by[field];
  if (!raw.readable) return "[unreadable]";
  if (shown.where.kind == JT_VALUE_FD_PATH) {
    return filter::fd_text(std::as_bytes(std::span(raw.text)));
  }
  if (shown.where.kind >= JT_VALUE_FIRST_STRING) return raw.cut ? raw.text + "..." : raw.text;
  if (shown.name == "thread") return thread(static_cast<std::uint32_t>(raw.number));
  return filter::text_of(event.words[field], raw.number, shown.where.is_signed != 0);
}

std::vector<ShownValue> ValueStore::shown(const jt_stack_key& key, const ThreadName& thread) const {
  std::vector<ShownValue> all;
  if (key.values == JT_NO_VALUES || key.event >= events_.all.size()) return all;
  const Event& event = events_.all[key.event];
  const auto* found = find(key.values);
  for (std::size_t i = 0; i < event.program.by.size(); ++i) {
    const bool known = found != nullptr && i < found->size();
    all.push_back({.name = event.program.by[i].name,
                   .text = known ? text_of(event, i, (*found)[i], thread) : "[other]"});
  }
  return all;
}

}  // namespace jtrace::session
