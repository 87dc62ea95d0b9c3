/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace fovea {

/** A buffer of JavaScript's that is ours to fill until it is delivered. */
struct Slab {
  uint8_t* data = nullptr;
  size_t capacity = 0;
  /** Keeps the ArrayBuffer alive; opaque here, released on JavaScript's thread. */
  void* reference = nullptr;
  size_t bytes = 0;
  uint32_t records = 0;
};

/** The slabs nobody fills or reads at the moment. Filled by JavaScript's thread, emptied by the ring's. */
class FreeSlabs {
 public:
  void put(Slab slab) {
    const std::lock_guard lock(mutex_);
    slabs_.push_back(slab);
  }

  std::optional<Slab> take() {
    const std::lock_guard lock(mutex_);
    if (slabs_.empty()) return std::nullopt;
    /* The last one given back: its pages are warm, and those of slabs that are never needed stay untouched. */
    const Slab slab = slabs_.back();
    slabs_.pop_back();
    return slab;
  }

  size_t count() const {
    const std::lock_guard lock(mutex_);
    return slabs_.size();
  }

  std::vector<Slab> take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(slabs_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Slab> slabs_;
};

}  // namespace fovea
