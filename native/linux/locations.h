/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace fovea {

/**
 * Small ids for kernel addresses, and their symbols. The ring's thread asks for ids, any thread for texts. At most
 * 4,095 addresses are kept (a kernel drops packets at some hundred places); further ones share id 0.
 */
class Locations {
 public:
  /** @param on_new called on the ring's thread when an address is new: somebody should call `resolve` soon */
  explicit Locations(std::function<void()> on_new) : on_new_(std::move(on_new)) {}

  /** Ring's thread only. */
  uint32_t id_of(uint64_t address);

  /** Reads /proc/kallsyms once for all addresses that have no symbol yet. */
  void resolve();

  /** `symbol+0x1c`, or `symbol+0x1c [module]`; empty for 0, unknown ids, and where the kernel hides its symbols. */
  std::string text(uint32_t id);

 private:
  static constexpr uint32_t kIds = 4096;
  static constexpr uint32_t kBuckets = 2 * kIds;

  std::function<void()> on_new_;
  /** Open addressing over `addresses_`: ids; written and read by the ring's thread. */
  std::array<uint16_t, kBuckets> buckets_{};
  std::array<uint64_t, kIds> addresses_{};
  /** Ids in use, 0 included. */
  std::atomic<uint32_t> used_{1};

  std::mutex mutex_;
  /** By id; as long as ids are resolved. */
  std::vector<std::string> texts_{""};
};

}  // namespace fovea
