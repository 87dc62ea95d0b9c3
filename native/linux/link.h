/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "netlink.h"

namespace fovea {

/** One network interface, as rtnetlink tells it. */
struct Link {
  uint32_t index = 0;
  std::string name;
  /** `veth`, `bridge`, `wireguard`, …; empty for hardware. */
  std::string kind;
  bool loopback = false;
  /** IFLA_LINK: the interface below it, or a veth's other end. */
  uint32_t lower = 0;
  /** That interface lives in another network namespace. */
  bool lower_elsewhere = false;
  /** The bridge, bond, … it is a port of; 0 = none. */
  uint32_t master = 0;
  /** What that master is: `bridge`, `bond`, `team`, `vrf`, … */
  std::string port_of;
};

/** The interface of an RTM_NEWLINK or RTM_DELLINK message; nothing when it speaks of a bridge port's state only. */
std::optional<Link> read_link(const nlmsghdr* message);

/** Requests all interfaces (`index` 0) or one. @returns 0 or errno */
int request_links(Netlink& netlink, uint32_t index, const std::function<void(const Link&)>& on_link);

/** The interface an IPv4 or IPv6 packet to the outside would leave through; 0 when there is no default route. */
uint32_t default_route_interface(Netlink& netlink, uint8_t family);

}  // namespace fovea
