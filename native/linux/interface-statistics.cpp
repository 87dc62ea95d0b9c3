/* SPDX-License-Identifier: Apache-2.0 */
#include "interface-statistics.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace fovea {

int read_interfaces(Netlink& route, size_t limit, InterfaceList& list) {
  ifinfomsg info{};
  info.ifi_family = AF_UNSPEC;
  Request request(RTM_GETLINK, NLM_F_DUMP);
  /* No IFLA_EXT_MASK: with statistics, without virtual functions, of which a NIC may have hundreds. */
  request.header(info);
  const auto begin = [&] { list = {}; };
  const int error = route.list(request, begin, [&](const nlmsghdr* message) {
    auto link = read_link(message);
    if (!link) return;
    const rtattr* counts = Attributes(message, sizeof(ifinfomsg)).find(IFLA_STATS64);
    if (counts == nullptr) return;
    if (list.interfaces.size() >= limit) {
      list.left_out++;
      return;
    }
    auto& interface = list.interfaces.emplace_back();
    interface.link = std::move(*link);
    /* Kernels add counters at the end. */
    std::memcpy(&interface.counts, RTA_DATA(counts), std::min(RTA_PAYLOAD(counts), sizeof(interface.counts)));
  });
  if (error != 0) return error;
  /* After the dump: the routes are asked for through the same socket. */
  for (auto& interface : list.interfaces) interface.role = classify(route, interface.link, Patterns{});
  return 0;
}

}  // namespace fovea
