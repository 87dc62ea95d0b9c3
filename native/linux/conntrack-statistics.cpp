/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack-statistics.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

namespace fovea {
namespace {

/* CTA_STATS_GLOBAL_MAX_ENTRIES: newer than the headers of some distributions. */
constexpr uint16_t kMaxEntries = 2;

constexpr uint16_t type_of(uint16_t message) { return static_cast<uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message); }

Request request_for(uint16_t message, uint16_t flags) {
  Request request(type_of(message), flags);
  nfgenmsg header{};
  header.nfgen_family = AF_UNSPEC;
  header.version = NFNETLINK_V0;
  request.header(header);
  return request;
}

}  // namespace

int read_conntrack(Netlink& netfilter, ConntrackStatistics& statistics) {
  auto global = request_for(IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK);
  const int error = netfilter.transact(global, [&](const nlmsghdr* message) {
    if (message->nlmsg_type != type_of(IPCTNL_MSG_CT_GET_STATS)) return;
    const Attributes attributes(message, sizeof(nfgenmsg));
    statistics.entries = ntohl(attributes.number(CTA_STATS_GLOBAL_ENTRIES));
    if (attributes.find(kMaxEntries) != nullptr) statistics.max_entries = ntohl(attributes.number(kMaxEntries));
  });
  if (error != 0) return error;
  auto per_cpu = request_for(IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP);
  return netfilter.transact(per_cpu, [&](const nlmsghdr* message) {
    if (message->nlmsg_type != type_of(IPCTNL_MSG_CT_GET_STATS_CPU)) return;
    ConntrackCpu cpu;
    /* nfgenmsg::res_id carries the number of the CPU. */
    cpu.cpu = ntohs(static_cast<const nfgenmsg*>(NLMSG_DATA(message))->res_id);
    const Attributes attributes(message, sizeof(nfgenmsg));
    for (uint16_t type = 1; type < cpu.counts.size(); type++) cpu.counts[type] = ntohl(attributes.number(type));
    statistics.cpus.push_back(cpu);
  });
}

}  // namespace fovea
