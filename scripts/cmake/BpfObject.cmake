# SPDX-License-Identifier: Apache-2.0
# bpf_object(<name> <source.bpf.c> [SKELETON name] [OPTIONS ...]): compiles it for BPF, with these options of the
# compiler, and makes target <name>_skel, whose include directory has <skeleton>.skel.h (<name> where none is
# named). Header dependencies come from the compiler (-MD).
find_program(BPF_CLANG NAMES clang-19 clang REQUIRED)
find_program(BPF_STRIP NAMES llvm-strip-19 llvm-strip REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  set(BPF_ARCH x86)
else()
  message(FATAL_ERROR "no vmlinux.h for ${CMAKE_SYSTEM_PROCESSOR} yet")
endif()

function(bpf_object name source)
  cmake_parse_arguments(B "" "SKELETON" "OPTIONS" ${ARGN})
  if(NOT B_SKELETON)
    set(B_SKELETON ${name})
  endif()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(skeleton ${out}/${B_SKELETON}.skel.h)
  file(MAKE_DIRECTORY ${out})
  add_custom_command(
    OUTPUT ${out}/${name}.bpf.o
    COMMAND ${BPF_CLANG} --target=bpf -mcpu=v3 -g -O2 -std=gnu11
      -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations
      -D__TARGET_ARCH_${BPF_ARCH} -D__bpf__ -I${PROJECT_SOURCE_DIR}/vmlinux/${BPF_ARCH}
      -I${PROJECT_SOURCE_DIR}/bpf ${B_OPTIONS} -MD -MF ${out}/${name}.d -MT ${out}/${name}.bpf.o
      -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${out}/${name}.bpf.o.tmp
    COMMAND ${BPF_STRIP} -g ${out}/${name}.bpf.o.tmp
    COMMAND ${CMAKE_COMMAND} -E rename ${out}/${name}.bpf.o.tmp ${out}/${name}.bpf.o
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPFILE ${out}/${name}.d
    VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND sh -c "${BPFTOOL} gen skeleton ${out}/${name}.bpf.o name ${B_SKELETON} >${skeleton}.tmp && mv ${skeleton}.tmp ${skeleton}"
    DEPENDS ${out}/${name}.bpf.o
    VERBATIM)
  add_custom_target(${name}_skel_files DEPENDS ${skeleton})
  add_library(${name}_skel INTERFACE)
  target_include_directories(${name}_skel SYSTEM INTERFACE ${out})
  add_dependencies(${name}_skel ${name}_skel_files)
endfunction()
