// SPDX-License-Identifier: Apache-2.0
#include "process/cgroups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/near_names.h"

namespace jtrace::process {
namespace {

// Of the tree: hosts with a thousand containers have some thousands.
constexpr std::size_t kMostGroups = 65536;
constexpr std::size_t kMaxMountinfo = 4U << 20;
// The shortest part of a container's id that is taken for one.
constexpr std::size_t kShortestId = 4;

std::string_view without(std::string_view text, std::string_view end) {
  if (text.ends_with(end)) text.remove_suffix(end.size());
  return text;
}

std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

bool is_hexadecimal(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string cgroup2_mount(std::string_view mountinfo) {
  std::string found;
  while (!mountinfo.empty()) {
    std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
    // "36 35 98:0 /root /mount/point options - type source options"
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos || !line.substr(dash + 3).starts_with("cgroup2 ")) continue;
    for (int skipped = 0; skipped < 3; ++skipped) take_word(line);
    const bool whole = take_word(line) == "/";
    const std::string_view at = take_word(line);
    // A part of the tree that is mounted elsewhere is second best.
    if (whole || found.empty()) found = at;
    if (whole) break;
  }
  return found;
}

std::string_view container_id(std::string_view name) {
  constexpr std::string_view kLxc = "lxc.payload.";
  if (name.starts_with(kLxc)) return name.substr(kLxc.size());
  const std::string_view scope = without(name, ".scope");
  // The process that watches a container of CRI-O or podman has a group of its own.
  if (scope.find("conmon") != std::string_view::npos) return {};
  const std::size_t dash = scope.rfind('-');
  const std::string_view id = dash == std::string_view::npos ? scope : scope.substr(dash + 1);
  return is_hexadecimal(id) && id.size() >= 12 ? id : std::string_view();
}

Result<CgroupTree> CgroupTree::find() {
  JT_TRY(const std::string mounts, read_file("/proc/self/mountinfo", kMaxMountinfo));
  std::string root = cgroup2_mount(mounts);
  if (root.empty()) {
    return fail(Errc::Environment, "this host has no cgroup tree of version 2",
                "boot it with systemd.unified_cgroup_hierarchy=1, or mount one: mount -t cgroup2 "
                "none /sys/fs/cgroup/unified (doctor: cgroups)");
  }
  return CgroupTree(std::move(root));
}

std::vector<std::string> CgroupTree::all() const {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator it(root_, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator() && paths.size() < kMostGroups;
       it.increment(error)) {
    std::error_code ignored;
    if (!it->is_directory(ignored)) continue;
    paths.push_back(it->path().string().substr(root_.string().size()));
  }
  std::ranges::sort(paths);
  return paths;
}

Result<Cgroup> CgroupTree::open_below(const std::string& path) const {
  const std::string at = root_.string() + path;
  UniqueFd directory(::open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return fail(Errc::Target, errno_text("cgroup " + path, errno));
  return Cgroup{.path = path, .directory = std::move(directory)};
}

Result<Cgroup> CgroupTree::open(const std::string& path) const {
  const std::string root = root_.string();
  std::string below = path;
  if (below == root || below.starts_with(root + "/")) below.erase(0, root.size());
  while (below.size() > 1 && below.ends_with('/')) below.pop_back();
  if (!below.starts_with('/')) below.insert(0, "/");
  auto found = open_below(below);
  if (found) return found;
  struct statfs where{};
  if (path.starts_with('/') && ::statfs(path.c_str(), &where) == 0 &&
      static_cast<unsigned long>(where.f_type) == CGROUP_SUPER_MAGIC) {
    return fail(Errc::Target, fmt::format("--cgroup {}: a cgroup of version 1", path),
                "the kernel side compares those of version 2, whose tree is at " + root);
  }
  const auto names = all();
  std::string hint = did_you_mean(near_names(below, names));
  return fail(Errc::Target, fmt::format("--cgroup {}: no such cgroup below {}", path, root),
              hint.empty() ? "systemd-cgls shows them; /proc/PID/cgroup has that of a process"
                           : std::move(hint));
}

Result<Cgroup> CgroupTree::open_container(const std::string& id) const {
  if (id.size() < kShortestId) {
    return fail(Errc::Usage,
                fmt::format("--container '{}': four characters of its id at least", id),
                "docker ps, podman ps or crictl ps show ids");
  }
  // By id; of several groups of one the topmost, which sorts first.
  std::map<std::string, std::string> found;
  std::vector<std::string> ids;
  for (const std::string& path : all()) {
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::string_view of = container_id(name);
    if (of.empty()) continue;
    ids.emplace_back(of);
    if (of.starts_with(id)) found.emplace(of, path);
  }
  if (found.size() == 1) return open_below(found.begin()->second);
  if (found.empty()) {
    std::string hint = did_you_mean(near_names(id, ids));
    return fail(Errc::Target,
                fmt::format("--container {}: no cgroup has a container of that id", id),
                hint.empty() ? "docker ps, podman ps or crictl ps show ids; --cgroup takes any path"
                             : std::move(hint));
  }
  return fail(
      Errc::Target, fmt::format("--container {}: {} containers begin so", id, found.size()),
      fmt::format("among them {} and {}", found.begin()->first, std::next(found.begin())->first));
}

}  // namespace jtrace::process
