// SPDX-License-Identifier: Apache-2.0
// Names for people: abi::__cxa_demangle's text without what a profile does not want.
#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/elf_symbols.h"

namespace jtrace::symbolize {
namespace {

constexpr std::size_t kMaxMangled = 4096;
constexpr std::size_t kMaxDemangled = 16UL * 1024;
// Of about 120 000 mangled names of libjvm, libclang-cpp and libLLVM seven exceed this.
constexpr std::size_t kMaxExpansion = 1UL << 20;

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$';
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "f.isra.0.cold" -> "f": GCC and Clang number the copies that they make of a function.
std::string_view without_clone_suffix(std::string_view name) {
  constexpr std::array<std::string_view, 9> kWords = {
      "cold", "part", "constprop", "isra", "lto_priv", "localalias", "llvm", "clone", "warm"};
  for (;;) {
    std::string_view head = name;
    const std::size_t dot = head.rfind('.');
    if (dot == std::string_view::npos) return name;
    if (std::ranges::all_of(head.substr(dot + 1), is_digit)) head = head.substr(0, dot);
    const std::size_t word = head.rfind('.');
    if (word == std::string_view::npos || word == 0) return name;
    if (std::ranges::find(kWords, head.substr(word + 1)) == kWords.end()) return name;
    name = head.substr(0, word);
  }
}

// Upper bound, in mangled characters, of what a name stands for once its back references ("S1_",
// "T0_") are replaced. Each may stand for nearly all that precedes it, so that 230 bytes can make
// __cxa_demangle allocate 142 MB in half a second, and 300 all memory there is. What S<n> stands
// for ends before the first reference to any S<m>, m >= n: that keeps the bound close enough to
// tell a real name from an attack.
class ExpansionBound {
 public:
  [[nodiscard]] static bool exceeds(std::string_view name, std::size_t limit) {
    ExpansionBound bound;
    for (std::size_t i = 0; i < name.size() && bound.length_ <= limit;) {
      i += bound.step(name.substr(i));
    }
    return bound.length_ > limit;
  }

 private:
  struct Reference {
    std::uint64_t id;
    std::size_t length_before;
  };

  std::size_t step(std::string_view rest) {
    if (rest[0] == 'S' || rest[0] == 'T') {
      std::size_t end = 1;
      std::uint64_t id = 0;
      for (; end < rest.size() && end < 8 && is_base36(rest[end]); ++end) {
        id = id * 36 + digit(rest[end]);
      }
      if (end < rest.size() && rest[end] == '_') {
        length_ += referred(rest[0] == 'S' ? substitutions_ : parameters_, end == 1 ? 0 : id + 1);
        return end + 1;
      }
    }
    ++length_;
    return 1;
  }

  // `seen` ascends in id: only a reference beyond the highest so far adds to it.
  std::size_t referred(std::vector<Reference>& seen, std::uint64_t id) const {
    const auto at = std::ranges::lower_bound(seen, id, {}, &Reference::id);
    if (at != seen.end()) return at->length_before;
    seen.push_back({id, length_});
    return length_;
  }

  static bool is_base36(char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); }
  static std::uint64_t digit(char c) {
    return static_cast<std::uint64_t>(is_digit(c) ? c - '0' : c - 'A' + 10);
  }

  std::size_t length_ = 0;
  std::vector<Reference> substitutions_;
  std::vector<Reference> parameters_;
};

// Cuts argument lists and a return type out of demangled text; nullopt where the text has a shape
// that it does not know (a function returning a function pointer): such names stay whole.
class NameCutter {
 public:
  explicit NameCutter(std::string_view text) : text_(text) {}

  [[nodiscard]] std::optional<std::string> cut() {
    copy_special_prefix();
    while (at_ < text_.size() && !done_) {
      if (!step()) return std::nullopt;
    }
    if (out_.size() == name_start_) return std::nullopt;
    return std::move(out_);
  }

 private:
  // "vtable for ", "non-virtual thunk to ": their blanks end no return type.
  void copy_special_prefix() {
    constexpr std::array<std::string_view, 12> kPrefixes = {"vtable for ",
                                                            "VTT for ",
                                                            "typeinfo for ",
                                                            "typeinfo name for ",
                                                            "construction vtable for ",
                                                            "guard variable for ",
                                                            "non-virtual thunk to ",
                                                            "virtual thunk to ",
                                                            "covariant return thunk to ",
                                                            "TLS init function for ",
                                                            "TLS wrapper function for ",
                                                            "transaction clone for "};
    for (bool found = true; found;) {
      found = false;
      for (const std::string_view prefix : kPrefixes) {
        if (!text_.substr(at_).starts_with(prefix)) continue;
        copy(prefix.size());
        found = true;
      }
    }
    name_start_ = out_.size();
  }

  bool step() {
    constexpr std::string_view kAnonymous = "(anonymous namespace)";
    if (const std::size_t length = operator_length(at_); length > 0) {
      copy(length);
      // "operator bool", "operator new": blanks up to the argument list belong to the name.
      in_operator_words_ = at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '"') &&
                           !text_.substr(at_).starts_with(" <");
      return true;
    }
    switch (text_[at_]) {
      case '(':
        if (!text_.substr(at_).starts_with(kAnonymous)) return drop_arguments();
        copy(kAnonymous.size());
        return true;
      case '<':
      case '{':
      case '[':
        return copy_balanced();
      case ' ':
        if (in_operator_words_ || text_.substr(at_).starts_with(" <")) break;
        out_.resize(name_start_);  // all up to here was a return type
        ++at_;
        return true;
      default:
        break;
    }
    copy(1);
    return true;
  }

  bool copy_balanced() {
    const std::size_t end = balanced_end();
    if (end == 0) return false;
    copy(end - at_);
    return true;
  }

  bool drop_arguments() {
    const std::size_t end = balanced_end();
    if (end == 0) return false;
    at_ = end;
    in_operator_words_ = false;
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with('(') || rest.starts_with('[')) return false;
    if (out_.size() == name_start_) return true;  // "decltype (...)" as return type
    drop_qualifiers();
    done_ = !text_.substr(at_).starts_with("::");
    return true;
  }

  void drop_qualifiers() {
    constexpr std::array<std::string_view, 4> kQualifiers = {" const", " volatile", " &&", " &"};
    for (bool found = true; found;) {
      found = false;
      for (const std::string_view qualifier : kQualifiers) {
        if (!text_.substr(at_).starts_with(qualifier)) continue;
        at_ += qualifier.size();
        found = true;
      }
    }
  }

  // Length of "operator<<" and the like at `at`, with symbols that must not be taken for brackets;
  // of "operator" alone before anything else. 0: there is none.
  [[nodiscard]] std::size_t operator_length(std::size_t at) const {
    constexpr std::string_view kOperator = "operator";
    constexpr std::array<std::string_view, 13> kSymbols = {
        "()", "[]", "<=>", "->*", "<<=", ">>=", "<<", ">>", "<=", ">=", "->", "<", ">"};
    if (!text_.substr(at).starts_with(kOperator)) return 0;
    const std::string_view rest = text_.substr(at + kOperator.size());
    if ((at > 0 && is_identifier(text_[at - 1])) || (!rest.empty() && is_identifier(rest[0]))) {
      return 0;
    }
    const auto symbol = std::ranges::find_if(
        kSymbols, [rest](std::string_view candidate) { return rest.starts_with(candidate); });
    return kOperator.size() + (symbol == kSymbols.end() ? 0 : symbol->size());
  }

  // End of the bracketed text that starts at at_; 0 where it is not closed. Inside parentheses '<'
  // and '>' may be comparisons, hence a closing bracket drops unmatched '<' above its own.
  [[nodiscard]] std::size_t balanced_end() const {
    std::string closers;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      if (const std::size_t length = operator_length(i); length > 0) {
        i += length - 1;
        continue;
      }
      const char c = text_[i];
      if (c == '(') closers += ')';
      if (c == '{') closers += '}';
      if (c == '[') closers += ']';
      if (c == '<') closers += '>';
      if (c == '>' && closers.back() == '>' && text_[i - 1] != '-') closers.pop_back();
      if (c == ')' || c == '}' || c == ']') {
        while (!closers.empty() && closers.back() == '>') closers.pop_back();
        if (closers.empty() || closers.back() != c) return 0;
        closers.pop_back();
      }
      if (closers.empty()) return i + 1;
    }
    return 0;
  }

  void copy(std::size_t length) {
    out_ += text_.substr(at_, length);
    at_ += length;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
  std::size_t name_start_ = 0;
  bool in_operator_words_ = false;
  bool done_ = false;
};

struct Free {
  void operator()(char* text) const { std::free(text); }
};

}  // namespace

std::string demangle(std::string_view name) {
  if (name.size() > kMaxMangled) return std::string(name);
  const std::string mangled(without_clone_suffix(name));
  if (!mangled.starts_with("_Z") || ExpansionBound::exceeds(mangled, kMaxExpansion)) {
    return mangled;
  }
  int status = 0;
  const std::unique_ptr<char, Free> demangled(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status));
  if (!demangled || std::strlen(demangled.get()) > kMaxDemangled) return mangled;
  std::string_view text = demangled.get();
  text = text.substr(0, text.find(" [clone ", 1));
  return NameCutter(text).cut().value_or(std::string(text));
}

}  // namespace jtrace::symbolize
