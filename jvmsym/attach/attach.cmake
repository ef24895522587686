# SPDX-License-Identifier: Apache-2.0
jtrace_room(attach SOURCES attach/protocol.cpp attach/status.cpp attach/trigger.cpp attach/placement.cpp attach/client.cpp
  DEPENDS base
  LIBS fmt::fmt)
