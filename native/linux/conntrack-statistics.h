/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "netlink.h"

namespace fovea {

/** What the connection tracking of one CPU counted; by CTA_STATS_ number of linux/netfilter/nfnetlink_conntrack.h. */
struct ConntrackCpu {
  uint32_t cpu = 0;
  std::array<uint32_t, 16> counts{};
};

struct ConntrackStatistics {
  uint32_t entries = 0;
  /** Absent before Linux 4.18. */
  std::optional<uint32_t> max_entries;
  std::vector<ConntrackCpu> cpus;
};

/** Asks nfnetlink, which wants CAP_NET_ADMIN. @returns 0 or errno */
int read_conntrack(Netlink& netfilter, ConntrackStatistics& statistics);

}  // namespace fovea
