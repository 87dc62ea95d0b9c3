/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_link.h>

namespace fovea {

std::optional<Link> read_link(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) return std::nullopt;
  const auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  /* A bridge announces its ports' state in the same messages: an RTM_DELLINK of that family deletes no interface. */
  if (info->ifi_family != AF_UNSPEC) return std::nullopt;
  const Attributes attributes(message, sizeof(*info));
  const Attributes nested(attributes.find(IFLA_LINKINFO));
  Link link;
  link.index = static_cast<uint32_t>(info->ifi_index);
  link.name = attributes.text(IFLA_IFNAME);
  link.kind = nested.text(IFLA_INFO_KIND);
  link.loopback = (info->ifi_flags & IFF_LOOPBACK) != 0;
  link.lower = attributes.number(IFLA_LINK);
  link.lower_elsewhere = attributes.find(IFLA_LINK_NETNSID) != nullptr;
  link.master = attributes.number(IFLA_MASTER);
  link.port_of = nested.text(IFLA_INFO_SLAVE_KIND);
  return link;
}

int request_links(Netlink& netlink, uint32_t index, const std::function<void(const Link&)>& on_link) {
  ifinfomsg info{};
  info.ifi_family = AF_UNSPEC;
  info.ifi_index = static_cast<int>(index);
  Request request(RTM_GETLINK, index == 0 ? NLM_F_DUMP : NLM_F_ACK);
  /* Without virtual functions and statistics: a NIC with many of them fills datagrams. */
  request.header(info).attribute(IFLA_EXT_MASK, uint32_t{RTEXT_FILTER_SKIP_STATS});
  return netlink.transact(request, [&](const nlmsghdr* message) {
    if (const auto link = read_link(message)) on_link(*link);
  });
}

uint32_t default_route_interface(Netlink& netlink, uint8_t family) {
  /* Documentation addresses (RFC 5737, RFC 3849): only a default route leads there. Nothing is sent. */
  uint8_t address[16] = {};
  inet_pton(family, family == AF_INET ? "192.0.2.1" : "2001:db8::1", address);
  const uint8_t bytes = family == AF_INET ? 4 : 16;
  rtmsg route{};
  route.rtm_family = family;
  route.rtm_dst_len = static_cast<uint8_t>(bytes * 8);
  Request request(RTM_GETROUTE, NLM_F_ACK);
  request.header(route).attribute(RTA_DST, address, bytes);
  uint32_t index = 0;
  netlink.transact(request, [&](const nlmsghdr* message) {
    if (message->nlmsg_type == RTM_NEWROUTE) index = Attributes(message, sizeof(rtmsg)).number(RTA_OIF);
  });
  return index;
}

}  // namespace fovea
