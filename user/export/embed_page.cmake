# SPDX-License-Identifier: Apache-2.0
# cmake -D PAGE=flamegraph.html -D OUT=page.cpp -P embed_page.cmake
# Makes the page a C++ string, its policy naming the hashes of the page's own style and script:
# nothing else that gets into a written page can then run, whatever a profile contains.

function(text_between out text begin end)
  string(FIND "${text}" "${begin}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${PAGE}: no ${begin}")
  endif()
  string(LENGTH "${begin}" skip)
  math(EXPR at "${at} + ${skip}")
  string(SUBSTRING "${text}" ${at} -1 rest)
  string(FIND "${rest}" "${end}" length)
  if(length EQUAL -1)
    message(FATAL_ERROR "${PAGE}: no ${end} after ${begin}")
  endif()
  string(SUBSTRING "${rest}" 0 ${length} part)
  set(${out} "${part}" PARENT_SCOPE)
endfunction()

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

file(READ "${PAGE}" page)
text_between(style "${page}" "<style>" "</style>")
text_between(script "${page}" "<script>" "</script>")
base64_of_sha256(style_hash "${style}")
base64_of_sha256(script_hash "${script}")
foreach(kind style script)
  string(FIND "${page}" "${kind}-src 'unsafe-inline'" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${PAGE}: the policy has no ${kind}-src 'unsafe-inline'")
  endif()
  string(REPLACE "${kind}-src 'unsafe-inline'" "${kind}-src 'sha256-${${kind}_hash}'" page "${page}")
endforeach()
get_filename_component(name "${PAGE}" NAME)
file(WRITE "${OUT}" "// Made from ${name} by embed_page.cmake.
#include \"export/formats.h\"

namespace jtrace::exporting {

std::string_view flamegraph_page() {
  return R\"jtrace_page(${page})jtrace_page\";
}

}  // namespace jtrace::exporting
")
