# SPDX-License-Identifier: Apache-2.0
# The few functions that every CMakeLists.txt of the project uses.

add_library(jtrace_flags INTERFACE)
target_compile_options(jtrace_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Werror
  -fno-omit-frame-pointer)
if(JTRACE_SANITIZE)
  # g++ 12 takes the instrumented moves of a std::optional for reads of what is in it.
  target_compile_options(jtrace_flags INTERFACE -fsanitize=${JTRACE_SANITIZE} -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(jtrace_flags INTERFACE -fsanitize=${JTRACE_SANITIZE})
endif()

# jtrace_room(<name> SOURCES ... [DEPENDS rooms...] [LIBS third-party...]): one static library per
# room. It links exactly the rooms of DEPENDS; scripts/check_layers.py checks the includes.
function(jtrace_room name)
  cmake_parse_arguments(R "" "" "SOURCES;DEPENDS;LIBS" ${ARGN})
  add_library(jtrace_${name} STATIC ${R_SOURCES})
  target_include_directories(jtrace_${name} PUBLIC ${PROJECT_SOURCE_DIR}/user ${PROJECT_SOURCE_DIR})
  list(TRANSFORM R_DEPENDS PREPEND jtrace_)
  target_link_libraries(jtrace_${name} PUBLIC ${R_DEPENDS} PRIVATE jtrace_flags ${R_LIBS})
endfunction()

# Labels of tests of which never two run at a time.
set(JTRACE_SERIAL_LABELS kernel browser bench)
# A target that is gone before it was looked at, since a compiler ran beside, is no fault of the tracer's.
set(JTRACE_ALONE_LABELS bpf java jdks)

# jtrace_add_test(<name> LABELS ... COMMAND ... [TIMEOUT seconds] [ALONE | BESIDE lock]): a test that is a
# command.
#   ALONE   no other test runs meanwhile: its verdict depends on times or on what the machine does
#   BESIDE  only computes, for long: it runs beside one of those that are never two at a time, begins before
#           the shorter ones, takes what processor time others leave, and never beside one of the same lock
function(jtrace_add_test name)
  cmake_parse_arguments(T "ALONE" "TIMEOUT;BESIDE" "LABELS;COMMAND" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  if(JTRACE_SANITIZE)
    list(PREPEND T_COMMAND ${PROJECT_SOURCE_DIR}/test/support/sanitized)
  endif()
  if(T_BESIDE)
    list(PREPEND T_COMMAND nice -n 10)
  endif()
  add_test(NAME ${name} COMMAND ${T_COMMAND})
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT})
  # A test of a higher COST is begun first. Those that wait for each other come before what can run beside
  # them.
  set(serial)
  foreach(label ${T_LABELS})
    if(label IN_LIST JTRACE_SERIAL_LABELS)
      set(serial ON)
    endif()
    if(label IN_LIST JTRACE_ALONE_LABELS)
      set(T_ALONE ON)
    endif()
  endforeach()
  if(T_ALONE)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  elseif(T_BESIDE)
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK ${T_BESIDE} COST 1000)
  elseif(serial)
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK machine COST 2000)
  endif()
endfunction()

# jtrace_test(<name> LABELS ... SOURCES ... ROOMS ... [LIBS ...] [TIMEOUT seconds] [ALONE]): the only way to
# add a GoogleTest program.
function(jtrace_test name)
  cmake_parse_arguments(T "ALONE" "TIMEOUT" "SOURCES;ROOMS;LABELS;LIBS" ${ARGN})
  list(TRANSFORM T_ROOMS PREPEND jtrace_)
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/test)
  target_compile_definitions(${name} PRIVATE JTRACE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    JTRACE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE jtrace_flags ${T_ROOMS} ${T_LIBS} GTest::gmock GTest::gtest_main)
  set(alone)
  if(T_ALONE)
    set(alone ALONE)
  endif()
  jtrace_add_test(${name} ${alone} LABELS ${T_LABELS} TIMEOUT ${T_TIMEOUT} COMMAND $<TARGET_FILE:${name}>)
endfunction()
