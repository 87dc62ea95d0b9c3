/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstddef>
#include <cstdint>

namespace fovea {

/**
 * The consumer's side of a BPF ring buffer (layout: kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst). Unlike
 * libbpf's it stops before a record that does not fit, and maps the data once instead of twice: mapped pages count as
 * this process' memory. One reader at a time.
 */
class Ring {
 public:
  /** @param bytes size of the map: its max_entries. @throws std::system_error when it cannot be mapped */
  Ring(int map_fd, size_t bytes);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /** What `take` did. */
  struct Taken {
    size_t bytes = 0;
    uint32_t records = 0;
    /** Records whose length contradicts the ring's; left out. */
    uint32_t malformed = 0;
    /** A record waits that does not fit any more. */
    bool full = false;
  };

  /** Moves whole records (`struct fovea_event` with payload) back to back to `out` until the ring or the room ends. */
  Taken take(uint8_t* out, size_t bytes, uint32_t records);

  /** Bytes between consumer and producer, headers included. */
  size_t waiting() const;

 private:
  void copy(uint64_t position, uint8_t* out, size_t bytes) const;

  size_t bytes_;
  size_t page_;
  uint8_t* consumer_ = nullptr;
  uint8_t* producer_ = nullptr;
};

}  // namespace fovea
