# SPDX-License-Identifier: Apache-2.0
jtrace_room(perfmap SOURCES perf_map.cpp DEPENDS base)
