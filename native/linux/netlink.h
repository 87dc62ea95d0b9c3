/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "descriptor.h"

namespace fovea {

/** One netlink request under construction. */
class Request {
 public:
  Request(uint16_t type, uint16_t flags);

  /** Appends the family header (ifinfomsg, tcmsg, rtmsg, inet_diag_req_v2, nfgenmsg). */
  template <typename Header>
  Request& header(const Header& header) {
    append(&header, sizeof(header));
    return *this;
  }
  Request& attribute(uint16_t type, const void* data, size_t bytes);
  Request& attribute(uint16_t type, std::string_view text);
  Request& attribute(uint16_t type, uint32_t number) { return attribute(type, &number, sizeof(number)); }
  /** Starts an attribute that holds attributes; ended by `end` with the value returned here. */
  size_t begin(uint16_t type);
  void end(size_t begun);

  /** The message, its length and number filled in. */
  const std::vector<uint8_t>& message(uint32_t sequence);

 private:
  void append(const void* data, size_t bytes);
  std::vector<uint8_t> bytes_;
};

/** Attributes that follow a family header of `header_bytes`. */
class Attributes {
 public:
  Attributes(const nlmsghdr* message, size_t header_bytes);
  explicit Attributes(const rtattr* nest);

  const rtattr* find(uint16_t type) const;
  /** 0 when absent. */
  uint32_t number(uint16_t type) const;
  /** Without the final NUL; empty when absent. */
  std::string text(uint16_t type) const;

 private:
  const rtattr* first_;
  int bytes_;
};

using OnMessage = std::function<void(const nlmsghdr*)>;

/** A netlink socket of the calling thread's network namespace; it stays there, whoever uses it. */
class Netlink {
 public:
  /**
   * @param groups RTMGRP_ bits to hear of; 0 for requests only
   * @param protocol NETLINK_ROUTE, NETLINK_SOCK_DIAG, …
   * @throws std::system_error
   */
  explicit Netlink(uint32_t groups, int protocol = NETLINK_ROUTE);

  /** Sends a request and reads its answers to the end. @returns 0 or the errno the kernel gave */
  int transact(Request& request, const OnMessage& on_message = nullptr);
  /**
   * Requests a dump whose messages are of one moment: where the kernel says that what it tells changed meanwhile
   * (NLM_F_DUMP_INTR), some may be missing or come twice, and it is asked again.
   * @param begin called before each attempt: what messages told before does not count
   * @returns 0 or errno; EINTR when it changed each time
   */
  int list(Request& request, const std::function<void()>& begin, const OnMessage& on_message);
  /** Reads what has been announced, without waiting. @returns 0, or ENOBUFS when announcements were lost */
  int receive(const OnMessage& on_message);
  int fd() const { return socket_.get(); }

 private:
  void note_change(size_t bytes);

  Descriptor socket_;
  std::vector<uint8_t> buffer_;
  uint32_t sequence_ = 0;
  /** The last dump was not of one moment. */
  bool changed_ = false;
};

}  // namespace fovea
