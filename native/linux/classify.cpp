/* SPDX-License-Identifier: Apache-2.0 */
#include "classify.h"

#include <fnmatch.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace fovea {
namespace {

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::ranges::any_of(patterns, [&](const auto& pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; });
}

bool is_one_of(std::string_view kind, auto&& kinds) { return std::ranges::find(kinds, kind) != kinds.end(); }

/* Their packets pass another interface of this machine unchanged (a port, the device below), or go nowhere. */
constexpr std::array<std::string_view, 11> kSeenElsewhere{"bridge", "vlan", "macvlan",     "macvtap", "ipvlan", "ipvtap",
                                                          "vrf",    "ifb",  "openvswitch", "dummy",   "nlmon"};

/* The master carries the name and the routes; connections wander between its ports. */
constexpr std::array<std::string_view, 3> kTakenForTheirPorts{"bond", "team", "hsr"};

/* Pairs with one end on the host and one in a pod. */
constexpr std::array<std::string_view, 2> kPairs{"veth", "netkit"};

Role automatic(const Link& link, bool default_route) {
  if (link.loopback) return Role::loopback;
  if (is_one_of(link.port_of, kTakenForTheirPorts)) return Role::ignored;
  if (is_one_of(link.kind, kPairs)) {
    /* Both ends here: an inner connection, for example between two bridges. */
    if (!link.lower_elsewhere) return Role::ignored;
    /* The end inside a pod or container looks alike, except that its namespace reaches the world through it. */
    return default_route ? Role::network : Role::endpoint;
  }
  /* A tap that is a port of a bridge belongs to a virtual machine. */
  if (link.kind == "tun" && link.master != 0) return Role::endpoint;
  return is_one_of(link.kind, kSeenElsewhere) ? Role::ignored : Role::network;
}

}  // namespace

const char* role_name(Role role) {
  switch (role) {
    case Role::loopback: return "loopback";
    case Role::endpoint: return "endpoint";
    case Role::network: return "network";
    case Role::ignored: break;
  }
  return "ignored";
}

Role classify(const Link& link, bool default_route, const Patterns& patterns) {
  if (matches(patterns.exclude, link.name)) return Role::ignored;
  if (matches(patterns.endpoint, link.name)) return Role::endpoint;
  if (matches(patterns.network, link.name)) return Role::network;
  if (!patterns.include.empty() && !matches(patterns.include, link.name)) return Role::ignored;
  const Role role = automatic(link, default_route);
  /* Named by the user, so wanted, whatever the rule says. */
  return role == Role::ignored && !patterns.include.empty() ? Role::network : role;
}

Role classify(Netlink& netlink, const Link& link, const Patterns& patterns) {
  const bool default_route = link.lower_elsewhere && (default_route_interface(netlink, AF_INET) == link.index ||
                                                      default_route_interface(netlink, AF_INET6) == link.index);
  return classify(link, default_route, patterns);
}

}  // namespace fovea
