// SPDX-License-Identifier: Apache-2.0
// What a process answers to attach, and what /proc says of it in its own words.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "jvmsym/attach/protocol.h"
#include "jvmsym/attach/status.h"

using namespace jtrace::jvmsym::attach;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto answer = parse_answer(text)) {
    const std::string words = words_of(*answer);
    const auto shown = [](unsigned char c) { return c >= ' ' && c != 0x7f; };
    if (words.empty() || !std::ranges::all_of(words, shown)) std::abort();
    (void)protocol_of(*answer);
    const auto loaded = check_loaded(*answer);
    if (loaded && answer->code != 0) std::abort();
    if (!loaded && !std::ranges::all_of(loaded.error().message, shown)) std::abort();
  }
  (void)parse_status(text);
  (void)runtime_of(text);
  (void)says_disabled(text);
  const std::string word(text);
  for (const Protocol protocol : {Protocol::One, Protocol::Two}) {
    const auto bytes = encode(load_request(word, word), protocol);
    if (bytes && word.find('\0') != std::string::npos) std::abort();
  }
  return 0;
}
