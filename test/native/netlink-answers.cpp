/* SPDX-License-Identifier: Apache-2.0 */
/* Gives `Netlink` answers that a kernel gives rarely, or never: prints what became of each. Run by netlink.test.ts under
   AddressSanitizer and UndefinedBehaviorSanitizer. */
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <vector>

#include "interface-statistics.h"
#include "netlink.h"
#include "socket-statistics.h"

namespace {

using Datagram = std::vector<uint8_t>;

/** What the next calls of `recv` give; an empty one is a call that a signal interrupts. */
std::deque<Datagram> answers;
uint32_t sequence = 0;
int requests = 0;

struct Part {
  uint16_t type;
  uint16_t flags = 0;
  Datagram body{};
  /** Of the last answers: the length that the header claims. */
  uint32_t claimed = 0;
};

template <typename Body>
Datagram bytes_of(const Body& body) {
  Datagram bytes(sizeof(body));
  std::memcpy(bytes.data(), &body, sizeof(body));
  return bytes;
}

/* The number of the request is filled in when it is given: see `recv`. */
Datagram datagram(const std::vector<Part>& parts, size_t cut_off = 0) {
  Datagram all;
  for (const auto& part : parts) {
    nlmsghdr header{};
    header.nlmsg_len = part.claimed != 0 ? part.claimed : static_cast<uint32_t>(NLMSG_LENGTH(part.body.size()));
    header.nlmsg_type = part.type;
    header.nlmsg_flags = part.flags;
    const auto bytes = bytes_of(header);
    all.insert(all.end(), bytes.begin(), bytes.end());
    all.insert(all.end(), part.body.begin(), part.body.end());
    all.resize(NLMSG_ALIGN(all.size()));
  }
  all.resize(all.size() - cut_off);
  return all;
}

Datagram link(int index, const char* name) {
  ifinfomsg info{};
  info.ifi_index = index;
  auto body = bytes_of(info);
  const auto attribute = [&](uint16_t type, const void* data, size_t bytes) {
    const rtattr header{static_cast<uint16_t>(RTA_LENGTH(bytes)), type};
    const auto head = bytes_of(header);
    body.insert(body.end(), head.begin(), head.end());
    body.insert(body.end(), static_cast<const uint8_t*>(data), static_cast<const uint8_t*>(data) + bytes);
    body.resize(NLMSG_ALIGN(body.size()));
  };
  attribute(IFLA_IFNAME, name, std::strlen(name) + 1);
  const rtnl_link_stats64 counts{};
  attribute(IFLA_STATS64, &counts, sizeof(counts));
  return body;
}

Part done(int error = 0, uint16_t flags = 0) { return {NLMSG_DONE, flags, bytes_of(error)}; }

void tell(const char* name, int error, size_t count) {
  std::printf("%s: %s, %zu, %d left\n", name, error == 0 ? "0" : strerrorname_np(error), count,
              static_cast<int>(answers.size()));
  answers.clear();
}

void sockets(const char* name, std::deque<Datagram> given) {
  fovea::Netlink netlink(0);
  answers = std::move(given);
  fovea::SocketStatistics statistics;
  const int error = fovea::read_sockets(netlink, 0, statistics);
  size_t count = 0;
  for (const auto& family : statistics.states)
    for (const auto state : family) count += state;
  tell(name, error, count);
}

void interfaces(const char* name, std::deque<Datagram> given) {
  fovea::Netlink netlink(0);
  answers = std::move(given);
  fovea::InterfaceList list;
  const int error = fovea::read_interfaces(netlink, 10, list);
  tell(name, error, list.interfaces.size());
}

}  // namespace

/* In the place of libc's. */
extern "C" ssize_t send(int, const void* data, size_t bytes, int) {
  sequence = static_cast<const nlmsghdr*>(data)->nlmsg_seq;
  requests++;
  return static_cast<ssize_t>(bytes);
}

extern "C" ssize_t recv(int, void* into, size_t room, int flags) {
  if (answers.empty()) {
    errno = ENODATA;
    return -1;
  }
  Datagram given = answers.front();
  answers.pop_front();
  if (given.empty()) {
    errno = EINTR;
    return -1;
  }
  for (size_t at = 0; at + sizeof(nlmsghdr) <= given.size();) {
    auto* header = reinterpret_cast<nlmsghdr*>(given.data() + at);
    header->nlmsg_seq = sequence;
    at += NLMSG_ALIGN(header->nlmsg_len < sizeof(nlmsghdr) ? sizeof(nlmsghdr) : header->nlmsg_len);
  }
  std::memcpy(into, given.data(), given.size() < room ? given.size() : room);
  return static_cast<ssize_t>((flags & MSG_TRUNC) != 0 || given.size() < room ? given.size() : room);
}

int main() {
  const Part socket{SOCK_DIAG_BY_FAMILY, 0, bytes_of(inet_diag_msg{.idiag_family = AF_INET, .idiag_state = 1})};
  const Part eth0{RTM_NEWLINK, NLM_F_MULTI, link(1, "eth0")};
  const Part eth1{RTM_NEWLINK, NLM_F_MULTI, link(2, "eth1")};
  const Part torn{RTM_NEWLINK, NLM_F_MULTI | NLM_F_DUMP_INTR, link(2, "eth1")};

  sockets("both families", {datagram({socket, socket}), datagram({done()}), datagram({socket}), {}, datagram({done()})});
  sockets("a dump that fails at its end", {datagram({socket}), datagram({done(-ENOENT)})});
  sockets("an end without a number", {datagram({{NLMSG_DONE}}), datagram({{NLMSG_DONE}})});
  sockets("an error without a number", {datagram({{NLMSG_ERROR}})});
  /* What is left of the datagram before it stands where the next message would. */
  const Part short_one{SOCK_DIAG_BY_FAMILY, 0, Datagram(1)};
  sockets("a message cut off in its padding", {datagram({short_one, socket}), datagram({short_one}, 3)});
  sockets("a header that claims more", {datagram({{SOCK_DIAG_BY_FAMILY, 0, Datagram(4), 4'000}})});
  sockets("a header that claims less than itself", {datagram({{SOCK_DIAG_BY_FAMILY, 0, Datagram(4), 3}})});
  sockets("a datagram larger than the room", {Datagram(40'000)});

  interfaces("interfaces", {datagram({eth0, eth1}), datagram({done()})});
  interfaces("a list that changed meanwhile", {datagram({eth0, torn}), datagram({done()}), datagram({eth0, eth1, done()})});
  interfaces("told at the end", {datagram({eth0}), datagram({done(0, NLM_F_DUMP_INTR)}), datagram({eth0, eth1, done()})});
  requests = 0;
  std::deque<Datagram> always(100, datagram({eth0, torn, done()}));
  interfaces("a list that always changes", always);
  std::printf("asked %d times\n", requests);
}
