/* SPDX-License-Identifier: Apache-2.0 */
#include "socket-statistics.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>

namespace fovea {
namespace {

/* linux/tcp_states.h: a request socket; user space is told SYN_RECV instead, unless a kernel forgets to. */
constexpr uint8_t kNewSynReceived = 12;

PeerAddress peer_of(const inet_diag_msg& socket) {
  PeerAddress address{};
  if (socket.idiag_family == AF_INET) {
    address[10] = address[11] = 0xff;
    std::memcpy(address.data() + 12, socket.id.idiag_dst, 4);
  } else {
    std::memcpy(address.data(), socket.id.idiag_dst, 16);
  }
  return address;
}

void count_peer(const inet_diag_msg& socket, size_t max_peers, SocketStatistics& statistics) {
  const auto address = peer_of(socket);
  const auto known = statistics.peers.find(address);
  if (known != statistics.peers.end())
    known->second++;
  else if (statistics.peers.size() < max_peers)
    statistics.peers.emplace(address, 1);
  else
    statistics.other_peers++;
}

void count(const nlmsghdr* message, size_t max_peers, SocketStatistics& statistics) {
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return;
  const auto& socket = *static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
  const uint8_t state = socket.idiag_state == kNewSynReceived ? uint8_t{TCP_SYN_RECV} : socket.idiag_state;
  auto& states = statistics.states[socket.idiag_family == AF_INET6 ? 1 : 0];
  if (state < states.size()) states[state]++;
  if (max_peers > 0 && state != TCP_LISTEN) count_peer(socket, max_peers, statistics);
}

}  // namespace

int read_sockets(Netlink& diag, size_t max_peers, SocketStatistics& statistics) {
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    inet_diag_req_v2 wanted{};
    wanted.sdiag_family = family;
    wanted.sdiag_protocol = IPPROTO_TCP;
    wanted.idiag_states = ~0U;
    Request request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
    request.header(wanted);
    const int error =
        diag.transact(request, [&](const nlmsghdr* message) { count(message, max_peers, statistics); });
    if (error != 0) return error;
  }
  return 0;
}

}  // namespace fovea
