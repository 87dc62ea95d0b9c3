/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "netlink.h"

namespace fovea {

/** IPv6 address; an IPv4 one mapped into it (RFC 4291, 2.5.5.2). */
using PeerAddress = std::array<uint8_t, 16>;

/** How many TCP sockets a network namespace has. */
struct SocketStatistics {
  /** By family (IPv4, IPv6) and state, as `enum` of linux/tcp_states.h numbers them: TCP_ESTABLISHED is 1. */
  std::array<std::array<uint32_t, 13>, 2> states{};
  /** Sockets by the address of the other end, where it was asked for; those in state LISTEN have none. */
  std::map<PeerAddress, uint32_t> peers;
  /** Sockets whose other end found no room in `peers`. */
  uint32_t other_peers = 0;
};

/**
 * Counts every TCP socket as the kernel tells them (inet_diag), without keeping any.
 * @param max_peers most addresses told apart; 0 = addresses are not looked at
 * @returns 0 or errno
 */
int read_sockets(Netlink& diag, size_t max_peers, SocketStatistics& statistics);

}  // namespace fovea
