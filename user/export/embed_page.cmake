# SPDX-License-Identifier: Apache-2.0
# cmake -D PAGE=flamegraph.html -D JOINED=page.html -D OUT=page.cpp -D HEADER=export/formats.h
#   -D NAMESPACE=jtrace::exporting -D FUNCTION=flamegraph_page -P embed_page.cmake
# Makes one page of the page, its style and its scripts, and that a C++ string. The policy of it has
# the hashes of its own style and script: nothing else that gets into a written page can then run,
# whatever a profile contains.

# CMake has SHA-256 in hex only, and a policy wants base64: 32 bytes are 43 letters and one "=".
function(base64_of_sha256 out text)
  set(letters ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  string(SHA256 hex "${text}")
  string(APPEND hex "00")
  set(coded "")
  foreach(at RANGE 0 60 6)
    string(SUBSTRING ${hex} ${at} 6 three_bytes)
    foreach(shift 18 12 6 0)
      math(EXPR index "(0x${three_bytes} >> ${shift}) & 63")
      string(SUBSTRING ${letters} ${index} 1 letter)
      string(APPEND coded ${letter})
    endforeach()
  endforeach()
  string(SUBSTRING ${coded} 0 43 coded)
  set(${out} "${coded}=" PARENT_SCOPE)
endfunction()

# The files that the page names by `pattern`, put together; `tags` are all those tags.
function(joined out_text out_tags pattern)
  string(REGEX MATCHALL "${pattern}" tags "${page}")
  if(NOT tags)
    message(FATAL_ERROR "${PAGE}: nothing matches ${pattern}")
  endif()
  set(text "")
  foreach(tag IN LISTS tags)
    string(REGEX MATCH "[a-z]+[.](css|js)" name "${tag}")
    file(READ "${folder}/${name}" part)
    string(REGEX REPLACE "^[^\n]*SPDX[^\n]*\n" "" part "${part}")
    string(APPEND text "${part}\n")
  endforeach()
  list(JOIN tags "" all)
  set(${out_text} "${text}" PARENT_SCOPE)
  set(${out_tags} "${all}" PARENT_SCOPE)
endfunction()

function(replace_once what by)
  string(FIND "${page}" "${what}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${PAGE}: no ${what}")
  endif()
  string(REPLACE "${what}" "${by}" page "${page}")
  set(page "${page}" PARENT_SCOPE)
endfunction()

get_filename_component(folder "${PAGE}" DIRECTORY)
file(READ "${PAGE}" page)
joined(style style_tags "<link rel=\"stylesheet\" href=\"[a-z]+[.]css\">\n")
joined(script script_tags "<script src=\"[a-z]+[.]js\"></script>\n")
set(style "\n${style}")
set(script "\n(() => {\n'use strict';\n\n${script}})();\n")
foreach(kind style script)
  base64_of_sha256(hash "${${kind}}")
  replace_once("${${kind}_tags}" "<${kind}>${${kind}}</${kind}>\n")
  replace_once("${kind}-src file:" "${kind}-src 'sha256-${hash}'")
endforeach()
file(WRITE "${JOINED}" "${page}")
get_filename_component(name "${PAGE}" NAME)
file(WRITE "${OUT}" "// Made from ${name} by embed_page.cmake.
#include \"${HEADER}\"

namespace ${NAMESPACE} {

std::string_view ${FUNCTION}() {
  return R\"jtrace_page(${page})jtrace_page\";
}

}  // namespace ${NAMESPACE}
")
