/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <pthread.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "event.h"

namespace fovea {
namespace {

size_t ring_bytes(int map_fd) {
  bpf_map_info info{};
  uint32_t bytes = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &bytes) != 0)
    throw std::system_error(errno, std::system_category(), "size of the map events");
  return info.max_entries;
}

void watch(int epoll, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error(errno, std::system_category(), "watch the ring");
}

}  // namespace

Reader::Reader(ReaderSettings settings, int ring_fd, FreeSlabs& free, Locations* locations, Deliver deliver)
    : settings_(settings),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      ring_(ring_fd, ring_bytes(ring_fd)),
      free_(free),
      locations_(locations),
      deliver_(std::move(deliver)) {
  /* Edge-triggered: a ring with something in it is always readable, and what is there may wait for the next look. */
  watch(epoll_.get(), ring_fd, EPOLLIN | EPOLLET);
  watch(epoll_.get(), wake_.fd(), EPOLLIN);
}

Reader::~Reader() {
  if (!thread_.joinable()) return;
  finish(Clock::now());
  join();
}

void Reader::join() {
  if (thread_.joinable()) thread_.join();
}

void Reader::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "fovea-ring");
    run();
  });
}

void Reader::finish(Clock::time_point deadline) {
  deadline_.store(std::max<Clock::rep>(1, deadline.time_since_epoch().count()));
  wake_.wake();
}

void Reader::run() {
  int timeout_ms = settings_.poll_ms;
  for (;;) {
    const bool found = drain();
    if (finished()) break;
    /* An idle machine is looked at less often; much arriving at once wakes us. */
    timeout_ms = found ? settings_.poll_ms : std::min(timeout_ms * 2, settings_.slab_ms);
    wait(timeout_ms);
  }
  if (slab_ && slab_->records > 0) deliver();
  if (slab_) free_.put(*slab_);
  slab_.reset();
}

bool Reader::drain() {
  bool found = false;
  while (have_slab()) {
    Slab& slab = *slab_;
    uint8_t* const from = slab.data + slab.bytes;
    const auto taken = ring_.take(from, slab.capacity - slab.bytes, settings_.slab_records - slab.records);
    if (slab.records == 0) slab_since_ = Clock::now();
    slab.bytes += taken.bytes;
    slab.records += taken.records;
    counts_.records += taken.records;
    counts_.malformed += taken.malformed;
    if (locations_ != nullptr) localise(from, from + taken.bytes);
    found = found || taken.records > 0;
    if (!taken.full) break;
    deliver();
  }
  const bool old = slab_ && slab_->records > 0 && Clock::now() - slab_since_ >= std::chrono::milliseconds(settings_.slab_ms);
  if (old) deliver();
  return found;
}

bool Reader::have_slab() {
  if (!slab_) slab_ = free_.take();
  const bool starving = !slab_ && ring_.waiting() > 0;
  if (starving && !starving_) counts_.starved++;
  starving_ = starving;
  return slab_.has_value();
}

/* A kernel address says something on this machine only; an id of it fits the decoder's numbers. */
void Reader::localise(uint8_t* from, const uint8_t* to) {
  for (auto* event = reinterpret_cast<fovea_event*>(from); reinterpret_cast<const uint8_t*>(event) < to;
       event = reinterpret_cast<fovea_event*>(reinterpret_cast<uint8_t*>(event) + event->length))
    if (event->kind == FOVEA_DROP) event->location = locations_->id_of(event->location);
}

void Reader::deliver() {
  deliver_(*slab_);
  slab_.reset();
}

void Reader::wait(int timeout_ms) const {
  epoll_event events[2];
  const int count = epoll_wait(epoll_.get(), events, 2, timeout_ms);
  for (int i = 0; i < count; i++)
    if (events[i].data.fd == wake_.fd()) wake_.clear();
}

bool Reader::finished() const {
  const Clock::rep deadline = deadline_.load();
  if (deadline == 0) return false;
  return ring_.waiting() == 0 || Clock::now().time_since_epoch().count() >= deadline;
}

}  // namespace fovea
