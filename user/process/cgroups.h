// SPDX-License-Identifier: Apache-2.0
// Control groups of the second version, by their place in the tree or by a container's id.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::process {

struct Cgroup {
  std::string path;  // below the tree's root: "/system.slice/x.service"
  UniqueFd directory;
};

// The tree that is mounted; its root is `root`, which tests replace.
class CgroupTree {
 public:
  // Errc::Environment where none is mounted.
  [[nodiscard]] static Result<CgroupTree> find();
  explicit CgroupTree(std::filesystem::path root) : root_(std::move(root)) {}

  // "/system.slice/x.service", or as it lies in the file system. Errc::Target where there is none
  // (the hint has near names), or where it is one of the first version.
  [[nodiscard]] Result<Cgroup> open(const std::string& path) const;
  // Of the one container whose id begins so; Errc::Target where there is none, or several.
  [[nodiscard]] Result<Cgroup> open_container(const std::string& id) const;

 private:
  [[nodiscard]] std::vector<std::string> all() const;
  [[nodiscard]] Result<Cgroup> open_below(const std::string& path) const;

  std::filesystem::path root_;
};

// The container's id in the name of its directory, as the engines make it: "docker-ID.scope",
// "cri-containerd-ID.scope", "crio-ID.scope", "libpod-ID.scope", "lxc.payload.NAME", or the id
// alone; empty where it is none of these.
[[nodiscard]] std::string_view container_id(std::string_view name);

// Where a cgroup2 file system is mounted, by the text of /proc/self/mountinfo; empty: nowhere.
[[nodiscard]] std::string cgroup2_mount(std::string_view mountinfo);

}  // namespace jtrace::process
