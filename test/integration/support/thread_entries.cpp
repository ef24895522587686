// SPDX-License-Identifier: Apache-2.0
#include "integration/support/thread_entries.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "base/unique_fd.h"

namespace jtrace::test {
namespace {

constexpr std::array<std::string_view, 9> kNames{
    "_start",  "clone3",        "__clone3",         "__clone3_internal", "clone",
    "__clone", "__GI___clone3", "__clone_internal", "_dl_start_user"};

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};
struct CfiEnd {
  void operator()(Dwarf_CFI* cfi) const { dwarf_cfi_end(cfi); }
};

// The tables of one file, in the order in which they depend on each other.
struct Tables {
  UniqueFd fd;
  std::unique_ptr<Elf, ElfEnd> elf;
  std::unique_ptr<Dwarf_CFI, CfiEnd> cfi;

  [[nodiscard]] bool no_caller(std::uint64_t address) const {
    Dwarf_Frame* row = nullptr;
    if (dwarf_cfi_addrframe(cfi.get(), address, &row) != 0) return false;
    const std::unique_ptr<Dwarf_Frame, decltype(&std::free)> owner(row, &std::free);
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    bool signal = false;
    const int return_column = dwarf_frame_info(row, &start, &end, &signal);
    std::array<Dwarf_Op, 3> space{};
    Dwarf_Op* ops = nullptr;
    std::size_t count = 0;
    if (dwarf_frame_register(row, return_column, space.data(), &ops, &count) != 0) return false;
    return count == 0 && ops == space.data();  // libdw's way to say DW_CFA_undefined
  }
};

}  // namespace

Status ThreadEntries::add(const std::filesystem::path& binary) {
  elf_version(EV_CURRENT);
  auto tables = std::make_shared<Tables>();
  tables->fd.reset(open(binary.c_str(), O_RDONLY | O_CLOEXEC));
  if (!tables->fd.valid()) {
    return fail(Errc::Internal, errno_text("open " + binary.string(), errno));
  }
  tables->elf.reset(elf_begin(tables->fd.get(), ELF_C_READ_MMAP, nullptr));
  if (tables->elf) tables->cfi.reset(dwarf_getcfi_elf(tables->elf.get()));
  if (!tables->cfi) return fail(Errc::Internal, binary.string() + ": no .eh_frame");
  binaries_[binary.filename().string()] = [tables](std::uint64_t address) {
    // A return address may lie behind the last instruction of its function.
    return tables->no_caller(address) || tables->no_caller(address - 1);
  };
  return {};
}

Status ThreadEntries::add_own_libc() {
  Dl_info info{};
  if (dladdr(dlsym(RTLD_DEFAULT, "getpid"), &info) == 0) {
    return fail(Errc::Internal, "dladdr does not know libc");
  }
  return add(info.dli_fname);
}

bool ThreadEntries::is_entry(std::string_view frame) const {
  if (std::ranges::find(kNames, frame) != kNames.end()) return true;
  const auto plus = frame.find("+0x");
  if (plus == std::string_view::npos) return false;
  const auto binary = binaries_.find(frame.substr(0, plus));
  if (binary == binaries_.end()) return false;
  std::uint64_t address = 0;
  const std::string_view hex = frame.substr(plus + 3);
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), address, 16);
  return error == std::errc() && binary->second(address);
}

}  // namespace jtrace::test
