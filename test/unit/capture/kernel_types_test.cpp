// SPDX-License-Identifier: Apache-2.0
#include "capture/kernel_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "capture/object.h"

namespace jtrace::capture {
namespace {

using Types = std::unique_ptr<btf, decltype(&btf__free)>;

Types types_of(const std::vector<std::byte>& bytes) {
  return {btf__new(bytes.data(), static_cast<std::uint32_t>(bytes.size())), btf__free};
}

const btf_type& named(const btf& types, const char* name) {
  const int id = btf__find_by_name(&types, name);
  EXPECT_GT(id, 0) << name;
  return *btf__type_by_id(&types, id > 0 ? static_cast<std::uint32_t>(id) : 0);
}

// A task that has a signal of its own, one of its parent's, and flags of three and five bits.
class SmallKernel : public ::testing::Test {
 protected:
  SmallKernel() : types_(btf__new_empty(), btf__free) {
    btf* const all = types_.get();
    integer_ = btf__add_int(all, "unsigned int", 4, 0);
    btf__add_struct(all, "nobody", 4);
    btf__add_field(all, "unused", integer_, 0, 0);
    signal_ = btf__add_struct(all, "signal", 8);
    btf__add_field(all, "live", integer_, 32, 0);
    const int array = btf__add_array(all, integer_, signal_, 3);
    const int pointer = btf__add_ptr(all, btf__add_type_tag(all, "rcu", signal_));
    task_ = btf__add_struct(all, "task", 40);
    btf__add_field(all, "signals", array, 0, 0);
    btf__add_field(all, "parent", pointer, 192, 0);
    btf__add_field(all, "state", integer_, 256, 3);
    btf__add_field(all, "more", integer_, 259, 5);
    btf__add_enum64(all, "states", 8, false);
    btf__add_enum64_value(all, "RUNNING", 1ULL << 40);
    prototype_ = btf__add_func_proto(all, integer_);
    openat_ = btf__add_func(all, "__x64_sys_openat", BTF_FUNC_STATIC, prototype_);
    btf__add_func(all, "task", BTF_FUNC_STATIC, prototype_);
  }
  [[nodiscard]] std::string file() const {
    std::uint32_t size = 0;
    const void* bytes = btf__raw_data(types_.get(), &size);
    std::string path = testing::TempDir() + "kernel_types." + std::to_string(::getpid());
    std::ofstream(path).write(static_cast<const char*>(bytes), size);
    return path;
  }

  Types types_;
  int integer_ = 0, signal_ = 0, task_ = 0, prototype_ = 0, openat_ = 0;
};

TEST_F(SmallKernel, GivesTheTypesOfANameAndWhatTheyAreMadeOf) {
  const auto part = types_of(relevant_types(*types_, {"task", "states"}));
  ASSERT_TRUE(part);
  const btf_type& task = named(*part, "task");
  ASSERT_TRUE(btf_is_struct(&task));
  EXPECT_EQ(task.size, 40U);
  ASSERT_EQ(btf_vlen(&task), 4U);
  const auto member = [&](std::uint32_t i) {
    return std::pair(std::string(btf__name_by_offset(part.get(), btf_members(&task)[i].name_off)),
                     btf_member_bit_offset(&task, i));
  };
  EXPECT_EQ(member(0), std::pair(std::string("signals"), 0U));
  EXPECT_EQ(member(1), std::pair(std::string("parent"), 192U));
  EXPECT_EQ(member(3), std::pair(std::string("more"), 259U));
  EXPECT_EQ(btf_member_bitfield_size(&task, 2), 3U);
  EXPECT_EQ(btf_member_bitfield_size(&task, 3), 5U);
  const btf_type& array = *btf__type_by_id(part.get(), btf_members(&task)[0].type);
  ASSERT_TRUE(btf_is_array(&array));
  EXPECT_EQ(btf_array(&array)->nelems, 3U);
  EXPECT_EQ(btf__type_by_id(part.get(), btf_array(&array)->type), &named(*part, "signal"));
  const btf_type& pointer = *btf__type_by_id(part.get(), btf_members(&task)[1].type);
  EXPECT_TRUE(btf_is_ptr(&pointer));
  EXPECT_EQ(pointer.type, 0U) << "what it points to is no part of it";
  const btf_type& states = named(*part, "states");
  ASSERT_EQ(btf_kind(&states), unsigned{BTF_KIND_ENUM64});
  EXPECT_EQ(btf_enum64_value(btf_enum64(&states)), 1ULL << 40);
  EXPECT_LT(btf__find_by_name(part.get(), "nobody"), 0);
}

TEST_F(SmallKernel, WhatItLacksMayBeAModules) {
  EXPECT_TRUE(relevant_types(*types_, {"task", "of_a_module"}).empty());
}

TEST(Relocations, BeginAtTypesOfTheKernel) {
  const auto bytes = object_bytes();
  const std::unique_ptr<bpf_object, decltype(&bpf_object__close)> object(
      bpf_object__open_mem(bytes.data(), bytes.size(), nullptr), bpf_object__close);
  ASSERT_TRUE(object);
  const btf& types = *bpf_object__btf(object.get());
  const auto names = relocated_names(bytes, types);
  EXPECT_TRUE(names.contains("task_struct"));
  EXPECT_TRUE(names.contains("dentry"));
  EXPECT_FALSE(names.contains("jt_walk"));
  EXPECT_GT(names.size(), 10U);
  EXPECT_LT(names.size(), 40U);
  for (std::size_t size = 0; size < bytes.size(); size += 997) {
    EXPECT_LE(relocated_names(bytes.first(size), types).size(), names.size());
  }
}

TEST(Relocations, NamesAreWithoutFlavor) {
  EXPECT_EQ(essential_name("task___5_14"), "task");
  EXPECT_EQ(essential_name("task__x"), "task__x");
  EXPECT_EQ(essential_name("a___b___c"), "a___b");
  EXPECT_EQ(essential_name("___a"), "___a");
}

TEST_F(SmallKernel, IsTheSameFromAFile) {
  const std::string path = file();
  const auto read = KernelTypes::read(path, {"task"});
  ::unlink(path.c_str());
  ASSERT_TRUE(read) << read.error().message;
  const auto bytes = read->to_bytes();
  const auto kept = KernelTypes::from_bytes(bytes);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->to_bytes(), bytes);
  EXPECT_EQ(kept->functions().to_text(), fmt::format("openat {} {}\n", openat_, prototype_));
  const auto opened = kept->open_relevant();
  ASSERT_TRUE(opened.valid());
  const auto content = read_file(fmt::format("/proc/self/fd/{}", opened.get()), 1U << 20);
  ASSERT_TRUE(content);
  const auto part = relevant_types(*types_, {"task"});
  EXPECT_EQ(*content, std::string(reinterpret_cast<const char*>(part.data()), part.size()));
}

TEST_F(SmallKernel, AFileThatIsDamagedIsNone) {
  const std::string path = file();
  const auto read = KernelTypes::read(path, {"task"});
  ::unlink(path.c_str());
  ASSERT_TRUE(read);
  const auto bytes = read->to_bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] ^= std::byte{0x10};
    EXPECT_FALSE(KernelTypes::from_bytes(damaged)) << i;
    EXPECT_FALSE(KernelTypes::from_bytes(std::span(bytes).first(i))) << i;
  }
}

TEST(KernelTypes, withoutThereIsAnError) {
  const auto read = KernelTypes::read("/dev/null", {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::Environment);
  EXPECT_NE(read.error().message.find("/dev/null"), std::string::npos);
}

std::string note(std::uint32_t type, std::string name, std::string descriptor) {
  const std::uint32_t head[3] = {static_cast<std::uint32_t>(name.size()),
                                 static_cast<std::uint32_t>(descriptor.size()), type};
  const auto pad = [](std::string& text) { text.resize((text.size() + 3) / 4 * 4); };
  pad(name);
  pad(descriptor);
  return std::string(reinterpret_cast<const char*>(head), sizeof head) + name + descriptor;
}

TEST(BuildId, isTheOneThatGnuWrites) {
  const std::string gnu("GNU\0", 4), other("Xen\0", 4);
  const std::string id = note(3, gnu, "\x01\xab\xff");
  EXPECT_EQ(build_id_in_notes(id), "01abff");
  EXPECT_EQ(build_id_in_notes(note(3, other, "12") + note(6, gnu, "") + id), "01abff");
  EXPECT_EQ(build_id_in_notes(note(3, other, "12")), "");
  EXPECT_EQ(build_id_in_notes(note(3, gnu, std::string(33, 'x'))), "");
  for (std::size_t i = 0; i < id.size(); ++i) EXPECT_EQ(build_id_in_notes(id.substr(0, i)), "");
  std::string huge = id;
  huge.replace(4, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(build_id_in_notes(huge), "");
  huge.replace(0, 4, "\xfd\xff\xff\xff");
  EXPECT_EQ(build_id_in_notes(huge), "");
}

}  // namespace
}  // namespace jtrace::capture
