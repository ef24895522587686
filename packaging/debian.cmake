# SPDX-License-Identifier: Apache-2.0
# The Debian package: scripts/package. What is in it besides what cmake --install puts in place is of
# the component `debian`, which cmake --install leaves out: it belongs to /usr and /etc, not to where
# somebody installs a build.
set(debian ${PROJECT_BINARY_DIR}/debian)
add_custom_target(package_files ALL DEPENDS jtrace jtrace_agent docs)

# With gzip -n, so that the same tree gives the same bytes.
function(debian_gzip source name destination)
  set(out ${debian}/${name}.gz)
  add_custom_command(OUTPUT ${out} COMMAND ${CMAKE_COMMAND} -E make_directory ${debian}
    COMMAND sh -c "gzip -9nc '${source}' >'${out}'" DEPENDS ${source} VERBATIM)
  add_custom_target(debian_${name} DEPENDS ${out})
  add_dependencies(package_files debian_${name})
  install(FILES ${out} DESTINATION ${destination} COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()
debian_gzip(${man} jtrace.8 share/man/man8)
debian_gzip(${CMAKE_CURRENT_SOURCE_DIR}/debian/changelog changelog.Debian share/doc/jtrace)
debian_gzip(${PROJECT_SOURCE_DIR}/CHANGELOG.md changelog share/doc/jtrace)

# Of a copyright file paragraphs are indented, and empty lines are dots.
file(READ ${PROJECT_SOURCE_DIR}/LICENSES/BSD-2-Clause.txt text)
string(STRIP "${text}" text)
string(REPLACE "\n\n" "\n.\n" text "${text}")
string(REPLACE "\n" "\n " text "${text}")
set(BSD_2_CLAUSE " ${text}")
configure_file(debian/copyright ${debian}/copyright @ONLY)
install(FILES ${debian}/copyright DESTINATION share/doc/jtrace COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_SOURCE_DIR}/docs/service.md ${PROJECT_SOURCE_DIR}/docs/troubleshooting.md
  DESTINATION share/doc/jtrace COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES debian/lintian-overrides RENAME jtrace DESTINATION share/lintian/overrides
  COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES sysusers.conf RENAME jtrace.conf DESTINATION lib/sysusers.d
  COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES jtrace.service DESTINATION lib/systemd/system COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES service.toml DESTINATION /etc/jtrace COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL Unspecified debian)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR OFF)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME jtrace)
set(CPACK_PACKAGE_VENDOR "the jtrace authors")
set(CPACK_PACKAGE_CONTACT "the jtrace authors <jtrace@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "whole Java and native stacks at any kernel tracepoint")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"jtrace takes the whole stack, Java and native frames together, at each hit of
a kernel tracepoint in the processes named, from outside: nothing is loaded
into an unmodified JVM, and it needs no frame pointers and no restart. It
writes flame graphs, pprof, OpenTelemetry profiles and others, and accounts
for every event.
.
A unit for systemd, jtrace.service, traces all the time; it is not enabled.")
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Loaded when they are asked for (--push; --serve, --metrics), so that no other run pays for them.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, libcurl4, libmicrohttpd12")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${debian}/conffiles "/etc/jtrace/service.toml\n")
set(scripts ${CMAKE_CURRENT_SOURCE_DIR}/debian)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${scripts}/postinst ${scripts}/prerm
  ${scripts}/postrm)
include(CPack)
