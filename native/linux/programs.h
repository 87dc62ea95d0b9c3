/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "descriptor.h"
#include "rodata.h"

struct bpf_object;

namespace fovea {

struct LoadSettings {
  Rodata rodata;
  /** By map name; overrides what the object says. */
  std::map<std::string, uint32_t> max_entries;
};

/** What became of one program. */
struct ProgramResult {
  /** File name of its object. */
  std::string object;
  std::string program;
  /** 0, or the errno of loading or attaching. */
  int error = 0;
  /** End of what libbpf and the verifier said. */
  std::string log;
};

struct ProgramStats {
  std::string program;
  uint64_t run_ns;
  uint64_t runs;
  /** Events that came while the program was running on the same CPU already: the kernel leaves them out. */
  uint64_t missed;
};

/** Programs of several BPF objects and their maps; maps of the same name are one map. Owns every descriptor. */
class Programs {
 public:
  explicit Programs(LoadSettings settings) : settings_(std::move(settings)) {}

  /**
   * Loads the programs of the object at `path` named in `wanted` (empty: all of them). One that cannot be loaded does
   * not keep the others from loading.
   * @throws std::runtime_error when the object's settings do not fit it
   */
  void load(const std::string& path, const std::set<std::string>& wanted);

  /** Descriptor, or -1 when there is no such program or it did not load. */
  int program(const std::string& name) const;
  int map(const std::string& name) const;
  bool any() const { return !programs_.empty(); }
  /** Notes that a loaded program could not be attached, and unloads it. */
  void fail(const std::string& program, int error, const std::string& log);

  const std::vector<ProgramResult>& results() const { return results_; }
  /** Of each program; time and count are 0 unless kernel.bpf_stats_enabled. */
  std::vector<ProgramStats> stats() const;
  /** Settings that none of the objects has; empty when an object could not even be opened. */
  std::vector<std::string> unknown_rodata() const;

 private:
  bool try_load(const std::string& path, const std::set<std::string>& names, ProgramResult& result);
  void prepare(bpf_object* object, const std::set<std::string>& names);
  void adopt(bpf_object* object, const std::set<std::string>& names);

  LoadSettings settings_;
  std::map<std::string, Descriptor> programs_;
  std::map<std::string, Descriptor> maps_;
  std::vector<ProgramResult> results_;
  std::set<std::string> found_rodata_;
  bool all_opened_ = true;
};

}  // namespace fovea
