// SPDX-License-Identifier: Apache-2.0
#include "profile/symbol_table.h"

#include <gtest/gtest.h>

#include <string>

namespace jtrace::profile {
namespace {

TEST(SymbolTable, EntryZeroIsTheZeroValue) {
  const SymbolTable table;
  ASSERT_EQ(table.strings().size(), 1U);
  EXPECT_EQ(table.strings()[0], "");
  ASSERT_EQ(table.functions().size(), 1U);
  EXPECT_EQ(table.functions()[0], Function{});
  ASSERT_EQ(table.mappings().size(), 1U);
  EXPECT_EQ(table.mappings()[0], Mapping{});
  ASSERT_EQ(table.locations().size(), 1U);
  EXPECT_EQ(table.locations()[0], Location{});
}

TEST(SymbolTable, EqualValuesHaveEqualIds) {
  SymbolTable table;
  EXPECT_EQ(table.string(""), StringId{0});
  EXPECT_EQ(table.string("a"), table.string("a"));
  EXPECT_NE(table.string("a"), table.string("b"));
  EXPECT_EQ(table.function("f", "_Zf", "f.cc"), table.function("f", "_Zf", "f.cc"));
  EXPECT_NE(table.function("f", "_Zf", "f.cc"), table.function("f", "_Zf", "g.cc"));
  EXPECT_EQ(table.function(""), FunctionId{0});
  EXPECT_EQ(table.mapping({}), MappingId{0});
  EXPECT_EQ(table.location({}), LocationId{0});

  const Line line{.function = table.function("f"), .kind = FrameKind::JavaC2, .line = 3, .bci = 9};
  const Location location{.mapping = {}, .address = 16, .reason = {}, .lines = {line}};
  EXPECT_EQ(table.location(location), table.location(location));
  Location other = location;
  other.lines[0].bci = 10;
  EXPECT_NE(table.location(location), table.location(other));
}

TEST(SymbolTable, KeepsWhatItWasGiven) {
  SymbolTable table;
  const std::string name("a\0b", 3);
  const FunctionId id = table.function(name, "sys", "file");
  const Function& function = table.functions()[id.value];
  EXPECT_EQ(table.strings()[function.name.value], name);
  EXPECT_EQ(table.strings()[function.system_name.value], "sys");
  EXPECT_EQ(table.strings()[function.filename.value], "file");
}

TEST(SymbolTable, InternsPartsOfItsOwnStrings) {
  SymbolTable table;
  const StringId first = table.string("abcdef");
  for (int i = 0; i < 1000; ++i) {
    // A short string lies inside the vector, so a part of it moves when the vector grows.
    const std::string_view part = std::string_view(table.strings()[first.value]).substr(3);
    const StringId id = table.string(part);
    ASSERT_EQ(table.strings()[id.value], "def");
    ASSERT_EQ(table.string("def"), id);
    table.string(std::to_string(i));
    if (table.strings().size() == table.strings().capacity()) {
      const StringId at_growth = table.string(std::string_view(table.strings()[first.value])
                                                  .substr(static_cast<std::size_t>(i) % 2 + 1));
      EXPECT_EQ(table.string(table.strings()[at_growth.value]), at_growth);
    }
  }
}

TEST(SymbolTable, GrowsWithoutChangingIds) {
  SymbolTable table;
  const StringId id = table.string("stays");
  for (int i = 0; i < 10'000; ++i) table.string("n" + std::to_string(i));
  EXPECT_EQ(table.string("stays"), id);
  EXPECT_EQ(table.strings().size(), 10'002U);
}

}  // namespace
}  // namespace jtrace::profile
