/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <atomic>
#include <cstdint>

namespace fovea {

/** Walks the connection table in the kernel by running the program `sweep` on it, slice after slice. */
class Sweeper {
 public:
  Sweeper(int program_fd, int counters_fd) : program_fd_(program_fd), counters_fd_(counters_fd) {}

  /** Reports and deletes what is idle or due, and counts what stays. @returns 0 or errno */
  int sweep();
  /** Connections that the last sweep left in the table. May be called from any thread. */
  uint64_t connections() const { return connections_.load(); }
  /**
   * Reports and deletes every entry. Records that found no room in the ring stay.
   * @returns how many stayed, so that this must be called again once the ring was read
   */
  uint64_t flush() const;

 private:
  int walk(bool flush_all) const;

  int program_fd_;
  int counters_fd_;
  std::atomic<uint64_t> connections_{0};
};

}  // namespace fovea
