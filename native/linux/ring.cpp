/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <linux/bpf.h>
#include <linux/types.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "event.h"

namespace fovea {
namespace {

constexpr size_t kHeaderBytes = BPF_RINGBUF_HDR_SZ;

uint64_t load_position(const uint8_t* page) {
  return __atomic_load_n(reinterpret_cast<const uint64_t*>(page), __ATOMIC_ACQUIRE);
}

size_t round_up(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

}  // namespace

Ring::Ring(int map_fd, size_t bytes) : bytes_(bytes), page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
  void* consumer = mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED) throw std::system_error(errno, std::system_category(), "map the ring's consumer page");
  void* producer = mmap(nullptr, page_ + bytes_, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page_));
  if (producer == MAP_FAILED) {
    const int error = errno;
    munmap(consumer, page_);
    throw std::system_error(error, std::system_category(), "map the ring's data");
  }
  consumer_ = static_cast<uint8_t*>(consumer);
  producer_ = static_cast<uint8_t*>(producer);
}

Ring::~Ring() {
  munmap(consumer_, page_);
  munmap(producer_, page_ + bytes_);
}

Ring::Taken Ring::take(uint8_t* out, size_t bytes, uint32_t records) {
  Taken taken;
  const uint8_t* data = producer_ + page_;
  uint64_t position = load_position(consumer_);
  const uint64_t end = load_position(producer_);
  while (position < end) {
    const auto* header = reinterpret_cast<const uint32_t*>(data + (position & (bytes_ - 1)));
    const uint32_t word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
    if ((word & BPF_RINGBUF_BUSY_BIT) != 0) break;
    const size_t room = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if ((word & BPF_RINGBUF_DISCARD_BIT) == 0) {
      uint16_t length = 0;
      if (room >= sizeof(fovea_event)) copy(position + kHeaderBytes, reinterpret_cast<uint8_t*>(&length), sizeof(length));
      if (length < sizeof(fovea_event) || length > room || length % 8 != 0) {
        taken.malformed++;
      } else {
        taken.full = taken.records == records || taken.bytes + length > bytes;
        if (taken.full) break;
        copy(position + kHeaderBytes, out + taken.bytes, length);
        taken.bytes += length;
        taken.records++;
      }
    }
    position += round_up(kHeaderBytes + room);
    /* Per record: the kernel may use the room of what is copied while the rest is still being read. */
    __atomic_store_n(reinterpret_cast<uint64_t*>(consumer_), position, __ATOMIC_RELEASE);
  }
  return taken;
}

void Ring::copy(uint64_t position, uint8_t* out, size_t bytes) const {
  const uint8_t* data = producer_ + page_;
  const size_t at = position & (bytes_ - 1);
  const size_t first = std::min(bytes, bytes_ - at);
  std::memcpy(out, data + at, first);
  std::memcpy(out + first, data, bytes - first);
}

size_t Ring::waiting() const { return load_position(producer_) - load_position(consumer_); }

}  // namespace fovea
