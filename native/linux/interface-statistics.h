/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <linux/if_link.h>

#include <cstddef>
#include <string>
#include <vector>

#include "classify.h"
#include "link.h"
#include "netlink.h"

namespace fovea {

/** One interface and what it counted. */
struct InterfaceStatistics {
  Link link;
  Role role = Role::ignored;
  rtnl_link_stats64 counts{};
};

struct InterfaceList {
  std::vector<InterfaceStatistics> interfaces;
  /** Interfaces beyond the limit. */
  uint32_t left_out = 0;
};

/** Every interface of the namespace, at most `limit`. @returns 0 or errno */
int read_interfaces(Netlink& route, size_t limit, InterfaceList& list);

/** One number of a driver, under the driver's own name. */
struct DriverStatistic {
  std::string name;
  uint64_t value = 0;
};

struct DriverStatistics {
  std::vector<DriverStatistic> statistics;
  /** Statistics beyond the limit. */
  uint32_t left_out = 0;
};

/**
 * What `ethtool -S` shows of an interface; empty where its driver counts nothing.
 * @param fd any socket of the namespace @param limit most statistics kept
 * @returns 0 or errno
 */
int read_driver(int fd, const std::string& name, size_t limit, DriverStatistics& driver);

}  // namespace fovea
