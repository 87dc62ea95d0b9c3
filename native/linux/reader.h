/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "descriptor.h"
#include "locations.h"
#include "ring.h"
#include "slabs.h"
#include "wake.h"

namespace fovea {

struct ReaderSettings {
  /** Time between two looks at the ring while records come; the kernel wakes us earlier only when much is waiting. */
  int poll_ms = 5;
  /** Age at which a slab is delivered although it is not full; also the longest time between two looks when idle. */
  int slab_ms = 50;
  /** Most records of a slab: one batch's rows. */
  uint32_t slab_records = 16384;
};

/** Read from any thread. */
struct ReaderCounts {
  std::atomic<uint64_t> records{0};
  std::atomic<uint64_t> malformed{0};
  /** Times the ring had to wait because every slab was away. */
  std::atomic<uint64_t> starved{0};
};

/** The thread that moves records from the ring into slabs. */
class Reader {
 public:
  /** Called on the reader's thread with each slab; the slab is then the receiver's. */
  using Deliver = std::function<void(const Slab&)>;

  /** @param ring_fd the map `events`. @throws std::system_error */
  Reader(ReaderSettings settings, int ring_fd, FreeSlabs& free, Locations* locations, Deliver deliver);
  ~Reader();

  void start();
  /** A slab was given back. */
  void slab_returned() const { wake_.wake(); }
  /** Reads on until the ring is empty or the deadline passes, delivers the last slab and ends the thread. */
  void finish(std::chrono::steady_clock::time_point deadline);
  /** Waits for the thread to end; after `finish`. */
  void join();
  /** Bytes in the ring that were not read. */
  size_t waiting() const { return ring_.waiting(); }
  const ReaderCounts& counts() const { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  /** @returns whether records were found */
  bool drain();
  void wait(int timeout_ms) const;
  bool have_slab();
  void localise(uint8_t* from, const uint8_t* to);
  void deliver();
  bool finished() const;

  const ReaderSettings settings_;
  Descriptor epoll_;
  Wake wake_;
  Ring ring_;
  FreeSlabs& free_;
  Locations* locations_;
  Deliver deliver_;
  ReaderCounts counts_;

  std::optional<Slab> slab_;
  Clock::time_point slab_since_;
  bool starving_ = false;
  /** Steady-clock ticks; 0 = go on. */
  std::atomic<Clock::rep> deadline_{0};
  std::thread thread_;
};

}  // namespace fovea
