/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace fovea {
namespace {

constexpr int kSweepSeconds = 1;
constexpr auto kDrainStep = std::chrono::milliseconds(2);

Descriptor make_timer() {
  Descriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec period{};
  period.it_interval.tv_sec = kSweepSeconds;
  period.it_value.tv_sec = kSweepSeconds;
  if (!timer || timerfd_settime(timer.get(), 0, &period, nullptr) != 0)
    throw std::system_error(errno, std::system_category(), "timer of the sweep");
  return timer;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error(errno, std::system_category(), "watch interfaces");
}

}  // namespace

Keeper::Keeper(Parts parts, Callbacks callbacks)
    : parts_(std::move(parts)),
      callbacks_(std::move(callbacks)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(make_timer()) {
  watch(epoll_.get(), wake_.fd());
  if (parts_.sweeper) watch(epoll_.get(), timer_.get());
  if (parts_.interfaces) watch(epoll_.get(), parts_.interfaces->fd());
}

Keeper::~Keeper() { abandon(); }

void Keeper::abandon() {
  if (!thread_.joinable()) return;
  abandoned_ = true;
  finish(Clock::now());
  join();
}

void Keeper::join() {
  if (thread_.joinable()) thread_.join();
}

void Keeper::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "fovea-keeper");
    run();
  });
}

void Keeper::finish(Clock::time_point deadline) {
  deadline_.store(std::max<Clock::rep>(1, deadline.time_since_epoch().count()));
  wake_.wake();
}

void Keeper::run() {
  if (parts_.interfaces) {
    parts_.interfaces->read_all();
    callbacks_.changed();
  }
  while (deadline_.load() == 0) {
    epoll_event events[4];
    const int count = epoll_wait(epoll_.get(), events, 4, -1);
    for (int i = 0; i < count; i++) handle(events[i].data.fd);
  }
  shut_down();
}

void Keeper::handle(int fd) {
  if (fd == wake_.fd()) {
    wake_.clear();
    if (deadline_.load() == 0) parts_.locations->resolve();
  } else if (fd == timer_.get()) {
    uint64_t ticks;
    if (read(fd, &ticks, sizeof(ticks)) == sizeof(ticks)) parts_.sweeper->sweep();
  } else if (parts_.interfaces->follow()) {
    callbacks_.changed();
  }
}

void Keeper::shut_down() {
  links_.clear();
  if (parts_.interfaces) parts_.interfaces->detach_all();
  if (abandoned_) return;
  /* A grace period: programs that still run elsewhere, taken off a clsact chain, have ended after it. */
  syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
  if (parts_.sweeper) flush();
  parts_.reader->finish(Clock::time_point(Clock::duration(deadline_.load())));
  parts_.reader->join();
  callbacks_.closed();
}

/* What finds no room stays in the table: let the reader make some and come again. */
void Keeper::flush() {
  const Clock::time_point deadline{Clock::duration(deadline_.load())};
  while ((unflushed_ = parts_.sweeper->flush()) > 0 && Clock::now() < deadline && !abandoned_) {
    const size_t full = parts_.reader->waiting();
    while (parts_.reader->waiting() > full / 2 && Clock::now() < deadline && !abandoned_)
      std::this_thread::sleep_for(kDrainStep);
  }
}

}  // namespace fovea
