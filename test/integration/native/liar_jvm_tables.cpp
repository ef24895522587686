// SPDX-License-Identifier: Apache-2.0
#include "integration/native/liar_jvm.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace truth {
namespace {

using Word = std::uint64_t;

constexpr std::size_t kObject = 64 * 1024;
constexpr std::size_t kHeap = 1U << 20;
constexpr std::size_t kCodeAt = kHeap / 2;
constexpr int kSegment = 7;  // log2
constexpr Word kHuge = Word{1} << 63;

Word address(const void* at) { return reinterpret_cast<Word>(at); }

struct FieldEntry {
  const char* type;
  const char* field;
  const char* spelled;
  std::int32_t is_static;
  std::int32_t pad;
  Word offset;
  Word address;
};
struct NumberEntry {
  const char* name;
  Word value;
};

// Lives as long as the process: the tables point into it.
const char* keep(const std::string& text) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

Word* object() {
  void* at = mmap(nullptr, kObject, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) std::abort();
  return static_cast<Word*>(at);
}

unsigned char* heap_code() {
  static auto* heap = static_cast<unsigned char*>(
      mmap(nullptr, kHeap, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return heap;
}

class Liar {
 public:
  explicit Liar(std::string lie) : lie_(std::move(lie)) {}

  void read(const char* recorded) {
    std::ifstream in(recorded);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string kind, number, name, spelled;
      if (!(words >> kind >> number)) continue;
      words >> std::ws;
      const Word value = std::strtoull(number.c_str(), nullptr, 0);
      if (kind == "type" || kind == "constant") {
        std::getline(words, name);
        (kind == "type" ? types_ : constants_).push_back({keep(name), value});
        continue;
      }
      words >> name >> std::ws;
      std::getline(words, spelled);
      const auto at = name.find("::");
      if (at == std::string::npos) continue;
      const bool is_static = kind == "static";
      if (!is_static) offsets_[name] = value;
      const Word place = is_static ? variable(name) : 0;
      fields_.push_back({keep(name.substr(0, at)), keep(name.substr(at + 2)), keep(spelled),
                         is_static ? 1 : 0, 0, is_static ? 0 : value, place});
    }
  }

  void tell() {
    if (lie_ != "pointers") claim_heap();
    if (lie_ == "names") long_names();
    fields_.push_back({});
    types_.push_back({});
    constants_.push_back({});
    auto* fields = new std::vector<FieldEntry>(fields_);
    auto* types = new std::vector<NumberEntry>(types_);
    auto* constants = new std::vector<NumberEntry>(constants_);
    Word structs = address(fields->data());
    if (lie_ == "endless") structs = endless();
    set("gHotSpotVMTypeEntryTypeNameOffset", 0);
    set("gHotSpotVMTypeEntrySizeOffset", 8);
    set("gHotSpotVMTypeEntryArrayStride", 16);
    set("gHotSpotVMTypes", address(types->data()));
    for (const char* kind : {"Int", "Long"}) {
      const std::string prefix = std::string("gHotSpotVM") + kind + "Constant";
      set(prefix + "EntryNameOffset", 0);
      set(prefix + "EntryValueOffset", 8);
      set(prefix + "EntryArrayStride", 16);
      set(prefix + "s", address(constants->data()));
    }
    Word offset = 0;
    for (const char* part :
         {"TypeName", "FieldName", "TypeString", "IsStatic", "Offset", "Address"}) {
      set(std::string("gHotSpotVMStructEntry") + part + "Offset", offset);
      offset += 8;
    }
    set("gHotSpotVMStructs", structs);
    set("gHotSpotVMStructEntryArrayStride", sizeof(FieldEntry));
  }

 private:
  // Where a variable of the JVM is; it points to an object that is as the lie wants it.
  Word variable(const std::string& name) {
    static int turn = 0;
    constexpr std::array<Word, 6> kNowhere{
        1, 0x0000100000000000, 0xdeadbeefdeadbeef, 0xffffffff81000000, ~Word{0}, kHuge};
    Word* const at = object();
    if (lie_ == "pointers") {
      // The variable itself, or what it holds.
      const Word nowhere = kNowhere.at(static_cast<std::size_t>(turn++) % kNowhere.size());
      at[0] = nowhere;
      return turn % 3 == 0 ? nowhere : address(at);
    }
    variables_[name] = at;
    Word* const held = object();
    for (std::size_t i = 0; i < kObject / sizeof(Word); ++i) {
      if (lie_ == "cycles") held[i] = address(held);
      if (lie_ == "counts") held[i] = kHuge;
    }
    at[0] = address(held);
    if (name == "JDK_Version::_current") at[0] = 17;
    return address(at);
  }

  Word* held(const std::string& name) { return reinterpret_cast<Word*>(variables_.at(name)[0]); }
  static void put(void* base, Word offset, Word value, std::size_t bytes = 8) {
    std::memcpy(static_cast<char*>(base) + offset, &value, bytes);
  }
  Word offset(const std::string& name) { return offsets_.at(name); }

  // A code cache of one heap and an interpreter, with which a JVM counts as one that can be walked.
  void claim_heap() {
    Word low = address(heap_code()), high = low + kHeap;
    if (lie_ == "overlap") {
      Dl_info info{};
      link_map* map = nullptr;
      dladdr1(reinterpret_cast<void*>(&::getpid), &info, reinterpret_cast<void**>(&map),
              RTLD_DL_LINKMAP);
      low = address(info.dli_fbase);
      high = low + 2 * kHeap;
    }
    auto* segmap = static_cast<unsigned char*>(
        mmap(nullptr, 2 * kHeap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    // One hop leads to the next, up to whatever limit there is.
    std::memset(segmap, lie_ == "broken" || lie_ == "cycles" ? 1 : 0, 2 * kHeap);
    Word* const heap = object();
    const Word memory = offset("CodeHeap::_memory"), map = offset("CodeHeap::_segmap");
    put(heap, memory + offset("VirtualSpace::_low_boundary"), low);
    put(heap, memory + offset("VirtualSpace::_high_boundary"), high);
    put(heap, memory + offset("VirtualSpace::_low"), low);
    put(heap, memory + offset("VirtualSpace::_high"), high);
    put(heap, map + offset("VirtualSpace::_low"), address(segmap));
    put(heap, map + offset("VirtualSpace::_high"), address(segmap) + 2 * kHeap);
    put(heap, offset("CodeHeap::_log2_segment_size"), kSegment, 4);
    if (lie_ == "hops") make_block(segmap);
    Word* const heaps = held("CodeCache::_heaps");
    Word* const data = object();
    data[0] = address(heap);
    put(heaps, offset("GrowableArrayBase::_len"), 1, 4);
    put(heaps, offset("GrowableArray<int>::_data"), address(data));
    Word* const queue = held("AbstractInterpreter::_code");
    put(queue, offset("StubQueue::_stub_buffer"), low);
    put(queue, offset("StubQueue::_buffer_limit"), 64, 4);
    if (lie_ == "overlap" || lie_ == "broken") {
      variables_.at("StubRoutines::_call_stub_return_address")[0] = low + 1;
    }
  }

  // The code is in a compiled method whose start is as many hops away as a walk takes.
  void make_block(unsigned char* segmap) {
    constexpr std::size_t kHops = 23;
    const std::size_t last = kCodeAt >> kSegment, first = last - kHops;
    for (std::size_t i = first + 1; i <= last; ++i) segmap[i] = 1;
    unsigned char* block = heap_code() + (first << kSegment);
    put(block, offset("HeapBlock::Header::_used"), 1, 1);
    unsigned char* blob = block + 16;
    put(blob, offset("CodeBlob::_name"), address("nmethod"));
    put(blob, offset("CodeBlob::_frame_size"), 2, 4);
    put(blob, offset("nmethod::_compile_id"), 1, 4);
  }

  void long_names() {
    constexpr std::size_t kMegabyte = 1U << 20;
    std::string name;
    while (name.size() < kMegabyte) name += "<script>alert(1)</script>\n\x1b[31m\x9b;\"\\";
    for (auto& field : fields_) {
      if (std::rand() % 4 == 0) field.spelled = keep(name);
    }
    fields_.push_back({keep("A"), keep("b<i>\n\x1b]0;x\x07"), keep(name), 0, 0, 0, 0});
    types_.push_back({keep("T\n\x1b[2J"), kHuge});
  }

  Word endless() {
    // The whole of it is names: each entry the same, without a last one for 64 MB.
    constexpr std::size_t kBytes = 64U << 20;
    auto* all = static_cast<Word*>(
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < kBytes / sizeof(Word); ++i) all[i] = address(all);
    return address(all);
  }

  static void set(const std::string& name, Word value) {
    auto* at = static_cast<volatile Word*>(dlsym(RTLD_DEFAULT, name.c_str()));
    if (at == nullptr) {
      std::fprintf(stderr, "no %s\n", name.c_str());
      std::exit(1);
    }
    *at = value;
  }

  std::string lie_;
  std::vector<FieldEntry> fields_;
  std::vector<NumberEntry> types_, constants_;
  std::map<std::string, Word> offsets_;
  std::map<std::string, Word*> variables_;
};

}  // namespace

void tell_lies(const std::string& lie, const char* recorded) {
  Liar liar(lie);
  liar.read(recorded);
  liar.tell();
}

void call_from_heap(void (*function)(), int depth) {
  // f: push rbp; mov rsp,rbp; dec esi; jz 1f; call f; jmp 2f; 1: call *rdi; 2: pop rbp; ret
  static constexpr std::array<unsigned char, 19> kCode{0x55, 0x48, 0x89, 0xe5, 0xff, 0xce, 0x74,
                                                       0x07, 0xe8, 0xf3, 0xff, 0xff, 0xff, 0xeb,
                                                       0x02, 0xff, 0xd7, 0x5d, 0xc3};
  static const bool written = [] {
    std::memcpy(heap_code() + kCodeAt, kCode.data(), kCode.size());
    return true;
  }();
  (void)written;
  reinterpret_cast<void (*)(void (*)(), int)>(heap_code() + kCodeAt)(function, depth);
}

}  // namespace truth
