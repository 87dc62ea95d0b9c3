/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <string>
#include <vector>

#include "link.h"

namespace fovea {

/** What an interface is to observation. */
enum class Role { ignored, loopback, endpoint, network };

const char* role_name(Role role);

/** Shell patterns (`*`, `?`, `[…]`) on interface names. */
struct Patterns {
  /** Empty: all. */
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::vector<std::string> endpoint;
  std::vector<std::string> network;
};

/**
 * The role of an interface. Rule (README of the receiver): a packet is seen once as it enters or leaves a pod and once
 * as it enters or leaves the machine; so of interfaces stacked on one another exactly one is taken.
 * @param default_route whether this machine's own packets to the outside leave through it
 */
Role classify(const Link& link, bool default_route, const Patterns& patterns);

/** The same for an interface of the namespace of `netlink`, whose routes are asked for where they matter. */
Role classify(Netlink& netlink, const Link& link, const Patterns& patterns);

}  // namespace fovea
