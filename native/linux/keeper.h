/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "descriptor.h"
#include "interfaces.h"
#include "locations.h"
#include "programs.h"
#include "reader.h"
#include "sweeper.h"
#include "wake.h"

namespace fovea {

/**
 * The thread for what is slow or periodic: following interfaces, sweeping the connection table, reading symbols; and
 * the order of shutting down. The ring's thread never waits for it.
 */
class Keeper {
 public:
  struct Parts {
    /** Null when no packet program runs. */
    std::unique_ptr<Interfaces> interfaces;
    std::unique_ptr<Sweeper> sweeper;
    Reader* reader;
    Locations* locations;
  };
  struct Callbacks {
    /** Interfaces changed. */
    std::function<void()> changed;
    /** All is detached and read. */
    std::function<void()> closed;
  };

  Keeper(Parts parts, Callbacks callbacks);
  ~Keeper();

  void start();
  /** Waits for the thread to end; after `finish`. */
  void join();
  /** Takes every program off and ends the thread, without flushing or draining. */
  void abandon();
  /** A new drop location wants its symbol. */
  void resolve_soon() const { wake_.wake(); }
  /** Takes every program off, flushes the connection table, lets the ring run empty; then calls `closed`. */
  void finish(std::chrono::steady_clock::time_point deadline);

  /** Programs attached by other means than interfaces; held until `finish`. */
  void hold(Descriptor link) { links_.push_back(std::move(link)); }
  const Interfaces* interfaces() const { return parts_.interfaces.get(); }
  uint64_t connections() const { return parts_.sweeper ? parts_.sweeper->connections() : 0; }
  /** Records that the connection table still held when `finish` gave it up. */
  uint64_t unflushed() const { return unflushed_.load(); }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void handle(int fd);
  void shut_down();
  void flush();

  Parts parts_;
  Callbacks callbacks_;
  Descriptor epoll_;
  Descriptor timer_;
  Wake wake_;
  std::vector<Descriptor> links_;
  std::atomic<Clock::rep> deadline_{0};
  std::atomic<bool> abandoned_{false};
  std::atomic<uint64_t> unflushed_{0};
  std::thread thread_;
};

}  // namespace fovea
