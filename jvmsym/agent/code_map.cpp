// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/agent/code_map.h"

#include <algorithm>
#include <cstring>
#include <ranges>
#include <utility>

namespace jtrace::jvmsym::agent {
namespace {

constexpr std::uint64_t kHighestAddress = 1ULL << 56;
constexpr std::uint64_t kPage = 12;
// Deeper inlining than C2 and Graal do.
constexpr std::size_t kMaxCalls = 512;
// Of one page. More are lives long past: a log is no longer than its cap.
constexpr std::size_t kMaxOfPage = 4096;

template <class T>
std::optional<T> take(std::span<const std::byte> from, std::size_t at) {
  T value;
  if (at > from.size() || from.size() - at < sizeof(T)) return std::nullopt;
  std::memcpy(&value, from.data() + at, sizeof(T));
  return value;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool sane_range(std::uint64_t code, std::uint64_t bytes) {
  return code != 0 && code < kHighestAddress && bytes != 0 && bytes <= JT_AGENT_CODE_MAX;
}

}  // namespace

std::optional<CompiledCode> CompiledCode::parse(std::span<const std::byte> record) {
  const auto head = take<jt_agent_record>(record, 0);
  if (!head || head->bytes != record.size()) return std::nullopt;
  if (head->type == JT_AGENT_STUB) return parse_stub(record);
  CompiledCode code;
  if (head->type != JT_AGENT_LOAD || !code.parse_load(record)) return std::nullopt;
  return code;
}

std::optional<CompiledCode> CompiledCode::parse_stub(std::span<const std::byte> record) {
  const auto stub = take<jt_agent_stub>(record, 0);
  if (!stub || !sane_range(stub->code, stub->code_bytes)) return std::nullopt;
  if (stub->name_bytes == 0 || stub->name_bytes > record.size() - sizeof(*stub)) {
    return std::nullopt;
  }
  CompiledCode code;
  code.stub_ = true;
  code.code_ = stub->code;
  code.code_bytes_ = stub->code_bytes;
  code.record_ = text_of(record.subspan(sizeof(*stub), stub->name_bytes));
  return code;
}

std::optional<CompiledCode> CompiledCode::named(std::uint64_t begin, std::uint64_t bytes,
                                                std::string_view name, std::uint32_t serial) {
  if (!sane_range(begin, bytes) || name.empty()) return std::nullopt;
  CompiledCode code;
  code.code_ = begin;
  // It is looked up inside of it, never behind its last byte.
  code.code_bytes_ = bytes - 1;
  code.compile_id_ = serial;
  code.record_ = name;
  return code;
}

bool CompiledCode::parse_load(std::span<const std::byte> record) {
  const auto load = take<jt_agent_load>(record, 0);
  if (!load || !sane_range(load->code, load->code_bytes)) return false;
  if (load->methods == 0 || load->methods > JT_AGENT_METHODS) return false;
  constexpr std::uint32_t kMost = JT_AGENT_RECORD_MAX / sizeof(jt_agent_pc);
  if (load->nodes > kMost || load->pcs > kMost) return false;
  code_ = load->code;
  code_bytes_ = load->code_bytes;
  compile_id_ = load->compile_id;
  comp_level_ = load->comp_level >= 1 && load->comp_level <= 4 ? load->comp_level : 0;
  nodes_ = load->nodes;
  pcs_ = load->pcs;
  record_ = text_of(record.subspan(sizeof(*load)));
  method_heads_ = nodes_ * sizeof(jt_agent_node) + pcs_ * sizeof(jt_agent_pc);
  return index_texts(method_heads_, load->methods) && well_formed(load->methods);
}

bool CompiledCode::index_texts(std::size_t heads, std::uint32_t methods) {
  const auto bytes = std::as_bytes(std::span(record_));
  std::size_t at = heads + methods * sizeof(jt_agent_method);
  texts_.reserve(methods);
  for (std::uint32_t i = 0; i < methods; ++i) {
    const auto head = take<jt_agent_method>(bytes, heads + i * sizeof(jt_agent_method));
    if (!head) return false;
    texts_.push_back(static_cast<std::uint32_t>(at));
    for (const std::uint16_t n :
         {head->class_bytes, head->name_bytes, head->signature_bytes, head->source_bytes}) {
      if (n > JT_AGENT_TEXT_MAX) return false;
      at += n;
    }
  }
  return at <= record_.size();
}

bool CompiledCode::well_formed(std::uint32_t methods) const {
  for (std::uint32_t i = 0; i < nodes_; ++i) {
    const jt_agent_node n = node(i);
    const bool rooted = n.caller == JT_AGENT_NO_NODE ? n.method == 0 : n.caller < i;
    if (n.method >= methods || !rooted) return false;
  }
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < pcs_; ++i) {
    const jt_agent_pc p = pc_entry(i);
    if (p.node >= nodes_ || p.offset < last || p.offset > code_bytes_) return false;
    last = p.offset;
  }
  return true;
}

jt_agent_node CompiledCode::node(std::uint32_t index) const {
  jt_agent_node n;
  std::memcpy(&n, record_.data() + index * sizeof(n), sizeof(n));
  return n;
}

jt_agent_pc CompiledCode::pc_entry(std::uint32_t index) const {
  jt_agent_pc p;
  std::memcpy(&p, record_.data() + nodes_ * sizeof(jt_agent_node) + index * sizeof(p), sizeof(p));
  return p;
}

InlinedCall CompiledCode::method(std::uint32_t index) const {
  jt_agent_method head;
  std::memcpy(&head, record_.data() + method_heads_ + index * sizeof(head), sizeof(head));
  std::string_view rest = std::string_view(record_).substr(texts_[index]);
  const auto next = [&rest](std::size_t n) {
    const std::string_view text = rest.substr(0, n);
    rest.remove_prefix(n);
    return text;
  };
  InlinedCall call;
  call.class_text = next(head.class_bytes);
  call.name = next(head.name_bytes);
  call.signature = next(head.signature_bytes);
  call.source = next(head.source_bytes);
  return call;
}

std::string_view CompiledCode::stub_name() const {
  return stub_ ? std::string_view(record_) : std::string_view();
}

std::vector<InlinedCall> CompiledCode::calls(std::uint64_t pc) const {
  std::vector<InlinedCall> chain;
  if (stub_ || !covers(pc)) return chain;
  const std::uint64_t offset = pc - code_;
  const auto indices = std::views::iota(0U, pcs_);
  const auto it = std::ranges::lower_bound(
      indices, offset, {}, [this](std::uint32_t i) { return std::uint64_t{pc_entry(i).offset}; });
  if (it != indices.end() && pc_entry(*it).offset == offset) {
    std::uint32_t at = pc_entry(*it).node;
    while (at != JT_AGENT_NO_NODE && chain.size() < kMaxCalls) {
      const jt_agent_node n = node(at);
      chain.push_back(method(n.method));
      chain.back().bci = n.bci;
      chain.back().line = n.line;
      at = n.caller;
    }
    if (at == JT_AGENT_NO_NODE) return chain;
    chain.clear();
  }
  chain.push_back(method(0));
  return chain;
}

// ---------------------------------------------------------------- the map

template <class Accept>
const CodeMap::Version* CodeMap::newest(std::uint64_t pc, Accept accept) const {
  const auto page = pages_.find(pc >> kPage);
  if (page == pages_.end()) return nullptr;
  for (const std::uint32_t index : std::views::reverse(page->second)) {
    const Version& version = versions_[index];
    if (version.code.covers(pc) && accept(version)) return &version;
  }
  return nullptr;
}

template <class Visit>
void CodeMap::each_page(std::uint64_t begin, std::uint64_t end, Visit visit) {
  for (std::uint64_t page = begin >> kPage; page <= end >> kPage; ++page) visit(page);
}

const CompiledCode* CodeMap::find(std::uint64_t pc, std::uint32_t compile_id) const {
  if (compile_id == 0) return nullptr;
  const Version* found = newest(pc, [&](const Version& version) {
    return !version.code.is_stub() && version.code.compile_id() == compile_id;
  });
  return found == nullptr ? nullptr : &found->code;
}

const CompiledCode* CodeMap::at(std::uint64_t pc, std::uint64_t time) const {
  const auto page = pages_.find(pc >> kPage);
  if (page == pages_.end()) return nullptr;
  const Version* found = nullptr;
  for (const std::uint32_t index : page->second) {
    const Version& version = versions_[index];
    if (!version.code.covers(pc) || time < version.birth || time >= version.death) continue;
    if (found == nullptr) {
      found = &version;
      continue;
    }
    // Stubs lie in buffers that have names, too: the smallest says most. The address behind a
    // method's last byte is its own as a return address; where another begins there, which of the
    // two it is cannot be told.
    if (!version.code.is_stub() || !found->code.is_stub()) return nullptr;
    if (version.code.length() < found->code.length()) found = &version;
  }
  return found == nullptr ? nullptr : &found->code;
}

// What is compiled while the past is replayed comes twice.
bool CodeMap::known(const CompiledCode& code) const {
  return newest(code.begin(), [&](const Version& version) {
           return version.death == kAlive && version.code.begin() == code.begin() &&
                  version.code.end() == code.end() && version.code.is_stub() == code.is_stub() &&
                  version.code.compile_id() == code.compile_id() &&
                  version.code.bytes() == code.bytes();
         }) != nullptr;
}

void CodeMap::kill_overlapping(const CompiledCode& code, std::uint64_t time) {
  const std::uint64_t begin = code.begin(), end = code.end();
  each_page(begin, end, [&](std::uint64_t page) {
    const auto it = pages_.find(page);
    if (it == pages_.end()) return;
    for (const std::uint32_t index : it->second) {
      Version& version = versions_[index];
      const bool overlaps = version.code.begin() < end && begin < version.code.end();
      const bool nested = code.is_stub() && version.code.is_stub();
      if (overlaps && !nested && version.death == kAlive) version.death = time;
    }
  });
}

// A version's bytes and its places in the index.
std::size_t CodeMap::cost(const CompiledCode& code) {
  constexpr std::size_t kPlace = 32;
  return code.bytes() + sizeof(Version) + kPlace * (((code.end() - code.begin()) >> kPage) + 2);
}

void CodeMap::add(Version version) {
  const auto index = static_cast<std::uint32_t>(versions_.size());
  bytes_ += cost(version.code);
  each_page(version.code.begin(), version.code.end(), [&](std::uint64_t page) {
    auto& list = pages_[page];
    // A code cache has some tens of versions a page; only a liar's log gets here.
    if (list.size() >= kMaxOfPage) list.erase(list.begin(), list.begin() + kMaxOfPage / 2);
    list.push_back(index);
  });
  versions_.push_back(std::move(version));
}

bool CodeMap::make_room(std::size_t bytes) {
  if (bytes_ + bytes <= max_bytes_) return true;
  const auto dead = [](const Version& version) { return version.death != kAlive; };
  // Not for each further one: what is dead must be worth the work.
  std::size_t gain = 0;
  for (const Version& version : versions_) gain += dead(version) ? cost(version.code) : 0;
  if (gain < max_bytes_ / 8) return false;
  std::deque<Version> old = std::exchange(versions_, {});
  pages_.clear();
  bytes_ = 0;
  for (Version& version : old) {
    if (dead(version)) {
      ++forgotten_;
    } else {
      add(std::move(version));
    }
  }
  return bytes_ + bytes <= max_bytes_;
}

void CodeMap::load(CompiledCode code, std::uint64_t time) {
  if (known(code)) return;
  kill_overlapping(code, time);
  if (!make_room(cost(code))) {
    ++refused_;
    return;
  }
  add({.code = std::move(code), .birth = time, .death = kAlive});
}

void CodeMap::unload(std::uint64_t begin, std::uint64_t time) {
  const auto page = pages_.find(begin >> kPage);
  if (page == pages_.end()) return;
  for (const std::uint32_t index : std::views::reverse(page->second)) {
    Version& version = versions_[index];
    if (version.code.is_stub() || version.code.begin() != begin || version.death != kAlive)
      continue;
    version.death = time;
    return;
  }
}

void CodeMap::end(std::uint64_t time) {
  for (Version& version : versions_) version.death = std::min(version.death, time);
}

}  // namespace jtrace::jvmsym::agent
