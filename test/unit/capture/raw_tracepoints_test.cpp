// SPDX-License-Identifier: Apache-2.0
// Over types that the test makes itself.
#include "capture/raw_tracepoints.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace jtrace::capture {
namespace {

using event::Field;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RawTracepointsTest : public testing::Test {
 protected:
  void SetUp() override {
    types_ = btf__new_empty();
    data_ = btf__add_ptr(types_, 0);
    int_ = btf__add_int(types_, "int", 4, BTF_INT_SIGNED);
    long_ = btf__add_int(types_, "long unsigned int", 8, 0);
    string_ = btf__add_ptr(types_,
                           btf__add_const(types_, btf__add_int(types_, "char", 1, BTF_INT_SIGNED)));
    task_ = btf__add_ptr(types_, btf__add_struct(types_, "task_struct", 64));
    state_ = btf__add_enum(types_, "state", 4);
    btf__add_enum_value(types_, "STATE_RUNS", 0);
    btf__add_enum_value(types_, "STATE_WAITS", 5);
  }
  void TearDown() override {
    btf__free(types_);
    ::unlink(file_.c_str());
  }
  // As the kernel has it: the typedef says the types, the function the names.
  void add(const std::string& name, const std::vector<std::pair<const char*, int>>& arguments,
           bool named = true) {
    const auto prototype = [&](bool with_names) {
      const int id = btf__add_func_proto(types_, with_names ? int_ : 0);
      btf__add_func_param(types_, with_names ? "__data" : nullptr, data_);
      for (const auto& [argument, type] : arguments) {
        btf__add_func_param(types_, with_names ? argument : nullptr, type);
      }
      return id;
    };
    btf__add_typedef(types_, ("btf_trace_" + name).c_str(), btf__add_ptr(types_, prototype(false)));
    if (!named) return;
    btf__add_func(types_, ("__traceiter_" + name).c_str(), BTF_FUNC_STATIC, prototype(true));
  }
  [[nodiscard]] Result<RawTracepoints> read() const {
    std::uint32_t size = 0;
    const void* data = btf__raw_data(types_, &size);
    std::ofstream(file_).write(static_cast<const char*>(data), size);
    return RawTracepoints::read(file_);
  }

  btf* types_ = nullptr;
  int data_ = 0, int_ = 0, long_ = 0, string_ = 0, task_ = 0, state_ = 0;
  std::string file_ = testing::TempDir() + "raw_tracepoints_" + std::to_string(::getpid());
};

TEST_F(RawTracepointsTest, argumentsAreFields) {
  add("wakes", {{"p", task_}, {"why", state_}, {"name", string_}, {"cpu", int_}, {"ip", long_}});
  const auto raw = read();
  ASSERT_TRUE(raw) << raw.error().message;
  ASSERT_THAT(raw->list(), SizeIs(1));
  const auto tracepoint = raw->list().front();
  EXPECT_EQ(tracepoint.display(), "raw_tp:wakes");
  EXPECT_TRUE(tracepoint.is_raw());
  const event::Format format = raw->format(tracepoint);
  const auto field = [](const char* type, const char* name, std::uint32_t offset,
                        std::uint32_t size) {
    Field out;
    out.type = type;
    out.name = name;
    out.offset = offset;
    out.size = size;
    if (out.type.ends_with('*')) out.shape = Field::Shape::Pointer;
    out.is_signed = out.type == "int";
    return out;
  };
  EXPECT_THAT(format.fields,
              ElementsAre(field("struct task_struct *", "p", 0, 8),
                          field("enum state", "why", 8, 4), field("const char *", "name", 16, 8),
                          field("int", "cpu", 24, 4), field("long unsigned int", "ip", 32, 8)));
  ASSERT_THAT(format.print.dictionaries, SizeIs(1));
  EXPECT_EQ(format.print.dictionaries[0].field, "why");
  EXPECT_THAT(format.print.dictionaries[0].words,
              ElementsAre(event::Dictionary::Word{0, "STATE_RUNS"},
                          event::Dictionary::Word{5, "STATE_WAITS"}));
}

TEST_F(RawTracepointsTest, whatIsNotUnderstoodKeepsItsPlace) {
  add("odd", {{"by_value", btf__add_struct(types_, "pair", 16)}, {"n", int_}}, false);
  const auto raw = read();
  ASSERT_TRUE(raw) << raw.error().message;
  const event::Format format = raw->format(raw->list().front());
  EXPECT_EQ(format.skipped, 1U);
  ASSERT_THAT(format.fields, SizeIs(1));
  EXPECT_EQ(format.fields[0].name, "arg2") << "no function tells the names";
  EXPECT_EQ(format.fields[0].offset, 8U);
}

TEST_F(RawTracepointsTest, namesAreFoundByGlobOrNear) {
  add("sched_wakeup", {});
  add("sched_switch", {{"preempt", int_}});
  // No tracepoint: nothing is handed over.
  btf__add_typedef(types_, "btf_trace_nothing", int_);
  const auto raw = read();
  ASSERT_TRUE(raw) << raw.error().message;
  EXPECT_TRUE(raw->has("sched_switch"));
  EXPECT_FALSE(raw->has("nothing"));
  const auto all = raw->resolve("sched_*");
  ASSERT_TRUE(all);
  ASSERT_THAT(*all, SizeIs(2));
  EXPECT_EQ(all->at(0).name, "sched_switch");
  EXPECT_NE(all->at(0).id, all->at(1).id);
  EXPECT_GT(all->at(0).id, event::kFirstRawId);
  const auto none = raw->resolve("sched_swich");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::Usage);
  EXPECT_EQ(none.error().message, "no such raw tracepoint 'sched_swich'");
  EXPECT_THAT(none.error().hint, HasSubstr("raw_tp:sched_switch"));
  EXPECT_THAT(raw->resolve("nomatch*").error().hint, HasSubstr("jtrace list 'raw_tp:*'"));
}

TEST_F(RawTracepointsTest, fileThatIsNoneIsTheHostsFault) {
  std::ofstream(file_) << "no types at all, and long enough for a header of them";
  const auto raw = RawTracepoints::read(file_);
  ASSERT_FALSE(raw);
  EXPECT_EQ(raw.error().code, Errc::Environment);
  EXPECT_THAT(raw.error().hint, HasSubstr("doctor: btf"));
}

}  // namespace
}  // namespace jtrace::capture
