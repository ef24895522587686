// SPDX-License-Identifier: Apache-2.0
// A libjvm.so that says of itself whatever the program that loads it (liar.cpp) puts here: what
// HotSpot exports (vmStructs.hpp) and nothing else.
#include <cstdint>

extern "C" {

#define TABLE(name)          \
  extern std::uint64_t name; \
  std::uint64_t name = 0

TABLE(gHotSpotVMStructs);
TABLE(gHotSpotVMStructEntryTypeNameOffset);
TABLE(gHotSpotVMStructEntryFieldNameOffset);
TABLE(gHotSpotVMStructEntryTypeStringOffset);
TABLE(gHotSpotVMStructEntryIsStaticOffset);
TABLE(gHotSpotVMStructEntryOffsetOffset);
TABLE(gHotSpotVMStructEntryAddressOffset);
TABLE(gHotSpotVMStructEntryArrayStride);
TABLE(gHotSpotVMTypes);
TABLE(gHotSpotVMTypeEntryTypeNameOffset);
TABLE(gHotSpotVMTypeEntrySizeOffset);
TABLE(gHotSpotVMTypeEntryArrayStride);
TABLE(gHotSpotVMIntConstants);
TABLE(gHotSpotVMIntConstantEntryNameOffset);
TABLE(gHotSpotVMIntConstantEntryValueOffset);
TABLE(gHotSpotVMIntConstantEntryArrayStride);
TABLE(gHotSpotVMLongConstants);
TABLE(gHotSpotVMLongConstantEntryNameOffset);
TABLE(gHotSpotVMLongConstantEntryValueOffset);
TABLE(gHotSpotVMLongConstantEntryArrayStride);

// Executable, as the mapping that a JVM is recognised by.
void liar_code() {}
}
