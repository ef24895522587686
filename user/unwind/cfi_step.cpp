// SPDX-License-Identifier: Apache-2.0
#include "unwind/cfi_step.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <libelf.h>

#include <cstdlib>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "process/maps.h"

namespace jtrace::unwind {
namespace {

struct End {
  void operator()(Elf* elf) const { elf_end(elf); }
  void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
};

// One register's rule: no operations and !undefined: unchanged.
struct Rule {
  std::vector<Dwarf_Op> ops;
  bool undefined = false;
};

struct Row {
  std::vector<Dwarf_Op> cfa;
  std::array<Rule, kStepPc + 1> rules;
  bool signal = false;
};

struct File {
  UniqueFd fd;  // libelf reads from it when it likes
  std::unique_ptr<Elf, End> elf;
  std::unique_ptr<Dwarf, End> dwarf;
  Dwarf_CFI* eh_frame = nullptr;     // freed with `elf`'s caller below
  Dwarf_CFI* debug_frame = nullptr;  // `dwarf`'s own
  File() = default;
  File(File&& other) noexcept
      : fd(std::move(other.fd)),
        elf(std::move(other.elf)),
        dwarf(std::move(other.dwarf)),
        eh_frame(std::exchange(other.eh_frame, nullptr)),
        debug_frame(other.debug_frame) {}
  File& operator=(File&&) = delete;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (eh_frame != nullptr) dwarf_cfi_end(eh_frame);
  }
};

class Machine {
 public:
  Machine(const StepRegisters& registers, const WordReader& read)
      : registers_(registers), read_(read) {}

  std::optional<std::uint64_t> run(std::span<const Dwarf_Op> ops,
                                   std::optional<std::uint64_t> cfa) {
    for (const Dwarf_Op& op : ops) {
      if (!one(op, cfa)) return std::nullopt;
    }
    return stack_.empty() ? std::nullopt : std::optional(stack_.back());
  }

 private:
  bool push(std::optional<std::uint64_t> value) {
    if (value) stack_.push_back(*value);
    return value.has_value();
  }
  std::optional<std::uint64_t> in_register(std::uint64_t number) const {
    return number < registers_.size() ? registers_.at(number) : std::nullopt;
  }
  bool one(const Dwarf_Op& op, std::optional<std::uint64_t> cfa) {
    if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
      const auto base = in_register(op.atom - DW_OP_breg0);
      return base && push(*base + op.number);
    }
    if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) return push(op.atom - DW_OP_lit0);
    if (op.atom == DW_OP_bregx) {
      const auto base = in_register(op.number);
      return base && push(*base + op.number2);
    }
    if (op.atom == DW_OP_call_frame_cfa) return push(cfa);
    if (stack_.empty()) return false;
    if (op.atom == DW_OP_plus_uconst) {
      stack_.back() += op.number;
      return true;
    }
    const std::uint64_t right = stack_.back();
    stack_.pop_back();
    if (op.atom == DW_OP_deref) return push(read_(right));
    if (stack_.empty()) return false;
    const std::uint64_t left = stack_.back();
    stack_.pop_back();
    switch (op.atom) {
      case DW_OP_and:
        return push(left & right);
      case DW_OP_plus:
        return push(left + right);
      case DW_OP_ge:
        return push(left >= right ? 1 : 0);
      case DW_OP_shl:
        return right < 64 && push(left << right);
      default:
        return false;
    }
  }

  const StepRegisters& registers_;
  const WordReader& read_;
  std::vector<std::uint64_t> stack_;
};

std::optional<Row> read_row(Dwarf_CFI* cfi, std::uint64_t pc) {
  Dwarf_Frame* raw = nullptr;
  if (cfi == nullptr || dwarf_cfi_addrframe(cfi, pc, &raw) != 0) return std::nullopt;
  const std::unique_ptr<Dwarf_Frame, decltype(&std::free)> frame(raw, &std::free);
  Row row;
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  (void)dwarf_frame_info(raw, nullptr, nullptr, &row.signal);
  if (dwarf_frame_cfa(raw, &ops, &count) != 0) return std::nullopt;
  row.cfa.assign(ops, ops + count);
  for (std::size_t i = 0; i < row.rules.size(); ++i) {
    std::array<Dwarf_Op, 3> space{};
    Rule& rule = row.rules.at(i);
    if (dwarf_frame_register(raw, static_cast<int>(i), space.data(), &ops, &count) != 0) {
      rule.undefined = true;
    } else if (count != 0) {
      rule.ops.assign(ops, ops + count);
    } else {
      // libdw names rax where it means rbx among what calls preserve (0.188): an rbx that the CFI
      // does not mention comes out as undefined.
      rule.undefined = ops == space.data() && i != kStepRbx;
    }
  }
  return row;
}

}  // namespace

struct CfiStepper::Impl {
  // What was at the address of a Binary last.
  struct Known {
    std::uint64_t serial = 0;
    std::optional<File> file;
    std::map<std::uint64_t, std::optional<Row>> rows;
  };
  std::map<const Binary*, Known> all;

  const std::optional<Row>& row(const Binary& binary, std::uint64_t pc) {
    Known& known = all[&binary];
    if (known.serial != binary.serial) {
      known.serial = binary.serial;
      known.file.reset();
      known.rows.clear();
    }
    const auto [it, fresh] = known.rows.try_emplace(pc);
    if (!fresh || !binary.file.valid()) return it->second;
    if (!known.file) {
      known.file.emplace();
      known.file->fd = process::open_found(binary.file.get());
      open(known.file->fd.get(), *known.file);
    }
    it->second = read_row(known.file->eh_frame, pc);
    if (!it->second) it->second = read_row(known.file->debug_frame, pc);
    return it->second;
  }
  static void open(int fd, File& file) {
    (void)elf_version(EV_CURRENT);
    file.elf.reset(elf_begin(fd, ELF_C_READ, nullptr));
    if (!file.elf) return;
    file.eh_frame = dwarf_getcfi_elf(file.elf.get());
    file.dwarf.reset(dwarf_begin_elf(file.elf.get(), DWARF_C_READ, nullptr));
    if (file.dwarf) file.debug_frame = dwarf_getcfi(file.dwarf.get());
  }
};

CfiStepper::CfiStepper() : impl_(std::make_unique<Impl>()) {}
CfiStepper::~CfiStepper() = default;

CfiStepper::Result CfiStepper::step(const Binary& binary, std::uint64_t pc, const WordReader& read,
                                    StepRegisters& registers) {
  const auto& row = impl_->row(binary, pc);
  if (!row) return Result::NoAnswer;
  if (row->rules[kStepPc].undefined) return Result::End;
  const auto cfa = Machine(registers, read).run(row->cfa, std::nullopt);
  if (!cfa) return Result::NoAnswer;
  StepRegisters caller;
  for (std::size_t i = 0; i < caller.size(); ++i) {
    const Rule& rule = row->rules.at(i);
    if (rule.undefined) continue;
    if (rule.ops.empty()) {
      caller.at(i) = registers.at(i);
      continue;
    }
    auto ops = std::span(rule.ops);
    if (const auto reg = ops.front().atom; reg >= DW_OP_reg0 && reg <= DW_OP_reg16) {
      caller.at(i) = registers.at(reg - DW_OP_reg0);
      continue;
    }
    const bool is_value = ops.back().atom == DW_OP_stack_value;
    if (is_value) ops = ops.first(ops.size() - 1);
    const auto found = Machine(registers, read).run(ops, cfa);
    if (found) caller.at(i) = is_value ? found : read(*found);
  }
  if (!row->signal) caller[kStepRsp] = cfa;
  if (!caller[kStepPc] || !caller[kStepRsp]) return Result::NoAnswer;
  registers = caller;
  return row->signal ? Result::Signal : Result::Caller;
}

}  // namespace jtrace::unwind
