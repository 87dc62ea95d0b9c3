/* SPDX-License-Identifier: Apache-2.0 */
#include "node-sockets.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <thread>

namespace fovea {
namespace {

std::system_error failure(const std::string& what) { return {errno, std::system_category(), what}; }

std::unique_ptr<Netlink> open_if_known(int protocol) {
  try {
    return std::make_unique<Netlink>(0, protocol);
  } catch (const std::system_error& error) {
    if (error.code().value() == EPROTONOSUPPORT) return nullptr;
    throw;
  }
}

NodeSockets open_here() {
  NodeSockets sockets;
  sockets.route = std::make_unique<Netlink>(0);
  sockets.diag = open_if_known(NETLINK_SOCK_DIAG);
  sockets.netfilter = open_if_known(NETLINK_NETFILTER);
  sockets.datagram = Descriptor(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!sockets.datagram) throw failure("open a socket for ioctl");
  return sockets;
}

void enter(const std::string& path) {
  const Descriptor space(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!space) throw failure("open network namespace " + path);
  if (setns(space.get(), CLONE_NEWNET) != 0) throw failure("enter network namespace " + path);
}

}  // namespace

NodeSockets open_node_sockets(const std::string& network_namespace) {
  if (network_namespace.empty()) return open_here();
  NodeSockets sockets;
  std::exception_ptr error;
  /* A thread of its own: no other ever leaves the namespace of the process. */
  std::thread([&] {
    try {
      enter(network_namespace);
      sockets = open_here();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
  return sockets;
}

}  // namespace fovea
