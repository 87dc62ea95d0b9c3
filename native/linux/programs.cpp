/* SPDX-License-Identifier: Apache-2.0 */
#include "programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <stdexcept>

#include "libbpf-log.h"
#include "signals-blocked.h"

namespace fovea {
namespace {

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, CloseObject>;

Descriptor duplicate(int fd) { return Descriptor(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/** Names of the object's programs that are wanted (empty: all). */
std::set<std::string> program_names(const std::string& path, const std::set<std::string>& wanted, ProgramResult& failure) {
  LibbpfLog log;
  const Object object(bpf_object__open_file(path.c_str(), nullptr));
  if (!object) {
    failure.error = errno == 0 ? EINVAL : errno;
    failure.log = log.tail();
    return {};
  }
  std::set<std::string> names;
  bpf_program* program;
  bpf_object__for_each_program(program, object.get()) {
    const std::string name = bpf_program__name(program);
    if (wanted.empty() || wanted.contains(name)) names.insert(name);
  }
  return names;
}

}  // namespace

void Programs::load(const std::string& path, const std::set<std::string>& wanted) {
  const std::string object = file_name(path);
  ProgramResult whole{object, "", 0, ""};
  const auto names = program_names(path, wanted, whole);
  if (whole.error != 0) {
    all_opened_ = false;
    for (const auto& name : wanted) results_.push_back({object, name, whole.error, whole.log});
    if (wanted.empty()) results_.push_back(whole);
    return;
  }
  /* The object as one costs one look at the kernel's BTF instead of one per program; libbpf loads all or nothing. */
  if (try_load(path, names, whole)) {
    for (const auto& name : names) results_.push_back({object, name, 0, ""});
    return;
  }
  for (const auto& name : names) {
    ProgramResult one{object, name, 0, ""};
    try_load(path, {name}, one);
    results_.push_back(one);
  }
}

bool Programs::try_load(const std::string& path, const std::set<std::string>& names, ProgramResult& result) {
  LibbpfLog log;
  const Object object(bpf_object__open_file(path.c_str(), nullptr));
  int error = object ? 0 : errno;
  if (object) {
    prepare(object.get(), names);
    const SignalsBlocked blocked;
    error = -bpf_object__load(object.get());
  }
  if (error == 0) {
    adopt(object.get(), names);
    return true;
  }
  result.error = error;
  result.log = log.tail();
  return false;
}

void Programs::prepare(bpf_object* object, const std::set<std::string>& names) {
  write_rodata(object, settings_.rodata, found_rodata_);
  bpf_program* program;
  bpf_object__for_each_program(program, object)
    bpf_program__set_autoload(program, names.contains(bpf_program__name(program)));
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__is_internal(map)) continue;
    const auto size = settings_.max_entries.find(bpf_map__name(map));
    if (size != settings_.max_entries.end()) bpf_map__set_max_entries(map, size->second);
    const auto shared = maps_.find(bpf_map__name(map));
    if (shared != maps_.end()) bpf_map__reuse_fd(map, shared->second.get());
  }
}

/* Descriptors are duplicated and the object closed: it holds copies of every instruction and of its BTF. */
void Programs::adopt(bpf_object* object, const std::set<std::string>& names) {
  for (const auto& name : names) {
    const bpf_program* program = bpf_object__find_program_by_name(object, name.c_str());
    if (program != nullptr) programs_[name] = duplicate(bpf_program__fd(program));
  }
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__is_internal(map) || bpf_map__fd(map) < 0) continue;
    maps_.try_emplace(bpf_map__name(map), duplicate(bpf_map__fd(map)));
  }
}

int Programs::program(const std::string& name) const {
  const auto found = programs_.find(name);
  return found == programs_.end() ? -1 : found->second.get();
}

int Programs::map(const std::string& name) const {
  const auto found = maps_.find(name);
  return found == maps_.end() ? -1 : found->second.get();
}

void Programs::fail(const std::string& program, int error, const std::string& log) {
  programs_.erase(program);
  for (auto& result : results_) {
    if (result.program != program) continue;
    result.error = error;
    result.log = log;
  }
}

std::vector<ProgramStats> Programs::stats() const {
  std::vector<ProgramStats> stats;
  for (const auto& [name, fd] : programs_) {
    bpf_prog_info info{};
    uint32_t bytes = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd.get(), &info, &bytes) == 0) stats.push_back({name, info.run_time_ns, info.run_cnt, info.recursion_misses});
  }
  return stats;
}

std::vector<std::string> Programs::unknown_rodata() const {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : settings_.rodata)
    if (all_opened_ && !found_rodata_.contains(name)) unknown.push_back(name);
  return unknown;
}

}  // namespace fovea
