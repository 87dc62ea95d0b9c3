/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <memory>
#include <string>

#include "descriptor.h"
#include "netlink.h"

namespace fovea {

/**
 * The sockets through which a network namespace tells its statistics. A socket belongs to the namespace it was opened in,
 * so that any thread of any namespace can use them.
 */
struct NodeSockets {
  std::unique_ptr<Netlink> route;
  /** Null where the kernel has no such protocol. */
  std::unique_ptr<Netlink> diag;
  std::unique_ptr<Netlink> netfilter;
  /** For ioctl. */
  Descriptor datagram;
};

/**
 * Opens them.
 * @param network_namespace path of a namespace (`/proc/1/ns/net`), which needs CAP_SYS_ADMIN; empty for that of the process
 * @throws std::system_error that names the path
 */
NodeSockets open_node_sockets(const std::string& network_namespace);

}  // namespace fovea
