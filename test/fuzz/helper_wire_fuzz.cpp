// SPDX-License-Identifier: Apache-2.0
// What a reading process that was taken over may answer, and what jtrace may ask.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "helper/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace helper = jtrace::helper;
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 6) {
    case 0:
      if (const auto facts = helper::decode_facts(bytes)) (void)helper::encode(*facts);
      break;
    case 1:
      if (const auto table = helper::decode_table(bytes)) {
        if (!jtrace::unwind::is_sound(*table)) std::abort();
      }
      break;
    case 2:
      if (const auto reply = helper::decode_symbols(bytes)) {
        for (std::uint64_t address = 1; address != 0; address *= 2) {
          const auto found = reply->symbols.find(jtrace::ElfAddr{address});
          if (found && (found->offset > address || found->name.size() > 4096)) std::abort();
        }
        (void)helper::encode(*reply);
      }
      break;
    case 3:
      if (const auto symbols = helper::decode_vm_symbols(bytes)) (void)symbols->at(1);
      break;
    case 4:
      if (const auto request = helper::decode_request(bytes)) {
        const std::string again = helper::encode(*request);
        if (!helper::decode_request(std::as_bytes(std::span(again)))) std::abort();
      }
      break;
    default:
      if (helper::decode_reason(bytes).size() > 256) std::abort();
  }
  return 0;
}
