/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "descriptor.h"

namespace fovea {

/** Wakes a thread that waits in epoll. */
class Wake {
 public:
  Wake() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) throw std::system_error(errno, std::system_category(), "eventfd");
  }
  int fd() const { return event_.get(); }
  void wake() const {
    const uint64_t one = 1;
    /* Fails only when it is already readable to the brim. */
    [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof(one));
  }
  void clear() const {
    uint64_t count;
    [[maybe_unused]] const ssize_t bytes = read(event_.get(), &count, sizeof(count));
  }

 private:
  Descriptor event_;
};

}  // namespace fovea
