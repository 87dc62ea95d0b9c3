/* SPDX-License-Identifier: Apache-2.0 */
#include "clsact.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

namespace fovea {
namespace {

constexpr uint32_t kIngress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
constexpr uint32_t kEgress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
constexpr uint32_t kHandleBase = 0x0f0ea000;
constexpr uint32_t kSlots = 0x100;
constexpr const char* kNamePrefix = "fovea_";
/* First in the chain, so that what other filters take out of it is seen; the next ones where a preference already
   belongs to another kind of filter or protocol. */
constexpr uint32_t kFirstPreference = 1;
constexpr uint32_t kLastPreference = 8;

/** Listens on the slot's name; invalid when somebody alive does. Names are those of this network namespace. */
Descriptor hold_slot(uint32_t slot) {
  Descriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "fovea/clsact/" + std::to_string(slot);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), bytes) != 0) return {};
  return fd;
}

tcmsg message_for(uint32_t ifindex, uint32_t parent, uint32_t handle, uint32_t preference) {
  tcmsg message{};
  message.tcm_family = AF_UNSPEC;
  message.tcm_ifindex = static_cast<int>(ifindex);
  message.tcm_parent = parent;
  message.tcm_handle = handle;
  message.tcm_info = preference == 0 ? 0 : TC_H_MAKE(preference << 16, htons(ETH_P_ALL));
  return message;
}

}  // namespace

bool Clsact::Filter::operator<(const Filter& other) const {
  return std::tie(ifindex, parent, handle, preference) <
         std::tie(other.ifindex, other.parent, other.handle, other.preference);
}

class ClsactFilter : public Attachment {
 public:
  ClsactFilter(Clsact& owner, const Clsact::Filter& filter) : owner_(owner), filter_(filter) {}
  ~ClsactFilter() override { owner_.remove(filter_); }

 private:
  Clsact& owner_;
  Clsact::Filter filter_;
};

bool Clsact::hold_a_slot() {
  for (uint32_t slot = 0; slot < kSlots && !slot_socket_; slot++) {
    slot_socket_ = hold_slot(slot);
    slot_ = slot;
  }
  return static_cast<bool>(slot_socket_);
}

Attached Clsact::attach(const Target& target) {
  if (!hold_a_slot()) return {nullptr, ENOSPC};
  int error = 0;
  if (!ensure_qdisc(target.ifindex, error)) return {nullptr, error};
  for (uint32_t preference = kFirstPreference; preference <= kLastPreference; preference++) {
    const Filter filter{target.ifindex, target.side == Side::ingress ? kIngress : kEgress, kHandleBase + slot_, preference};
    error = add(target, filter);
    if (error == 0) return {std::make_unique<ClsactFilter>(*this, filter), 0};
    if (error != EINVAL && error != EEXIST && error != EOPNOTSUPP) break;
  }
  remove_qdisc_if_empty(target.ifindex);
  return {nullptr, error};
}

uint32_t Clsact::clean(uint32_t ifindex) {
  std::set<Filter> stale;
  for (const uint32_t parent : {kIngress, kEgress}) {
    each_filter(ifindex, parent, [&](const Filter& filter, const std::string& name) {
      const uint32_t slot = filter.handle - kHandleBase;
      if (!name.starts_with(kNamePrefix) || filter.handle < kHandleBase || slot >= kSlots) return;
      /* Called before we attach here: what carries our own slot is older than we are. */
      if ((slot_socket_ && slot == slot_) || hold_slot(slot)) stale.insert(filter);
    });
  }
  for (const auto& filter : stale) remove(filter);
  return static_cast<uint32_t>(stale.size());
}

bool Clsact::ensure_qdisc(uint32_t ifindex, int& error) {
  Request request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
  request.header(message_for(ifindex, TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0), 0)).attribute(TCA_KIND, "clsact");
  error = netlink_.transact(request);
  if (error == 0) made_.insert(ifindex);
  return error == 0 || error == EEXIST;
}

int Clsact::add(const Target& target, const Filter& filter) {
  Request request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
  request.header(message_for(filter.ifindex, filter.parent, filter.handle, filter.preference)).attribute(TCA_KIND, "bpf");
  const size_t options = request.begin(TCA_OPTIONS);
  request.attribute(TCA_BPF_FD, static_cast<uint32_t>(target.program_fd))
      .attribute(TCA_BPF_NAME, kNamePrefix + target.program)
      .attribute(TCA_BPF_FLAGS, uint32_t{TCA_BPF_FLAG_ACT_DIRECT});
  request.end(options);
  return netlink_.transact(request);
}

/* An interface that is gone took its filters along; any other error leaves nothing we could do either. */
void Clsact::remove(const Filter& filter) {
  Request request(RTM_DELTFILTER, NLM_F_ACK);
  request.header(message_for(filter.ifindex, filter.parent, filter.handle, filter.preference)).attribute(TCA_KIND, "bpf");
  netlink_.transact(request);
  remove_qdisc_if_empty(filter.ifindex);
}

void Clsact::remove_qdisc_if_empty(uint32_t ifindex) {
  if (!made_.contains(ifindex)) return;
  bool empty = true;
  for (const uint32_t parent : {kIngress, kEgress})
    each_filter(ifindex, parent, [&](const Filter&, const std::string&) { empty = false; });
  if (!empty) return;
  made_.erase(ifindex);
  Request request(RTM_DELQDISC, NLM_F_ACK);
  request.header(message_for(ifindex, TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0), 0)).attribute(TCA_KIND, "clsact");
  netlink_.transact(request);
}

/* Visits every filter, of whatever kind: those of other kinds with an empty name. */
void Clsact::each_filter(uint32_t ifindex, uint32_t parent,
                         const std::function<void(const Filter&, const std::string&)>& visit) {
  Request request(RTM_GETTFILTER, NLM_F_DUMP);
  request.header(message_for(ifindex, parent, 0, 0));
  netlink_.transact(request, [&](const nlmsghdr* message) {
    const auto* found = static_cast<const tcmsg*>(NLMSG_DATA(message));
    if (message->nlmsg_type != RTM_NEWTFILTER || static_cast<uint32_t>(found->tcm_ifindex) != ifindex) return;
    const Attributes attributes(message, sizeof(*found));
    const bool bpf = attributes.text(TCA_KIND) == "bpf";
    const std::string name = bpf ? Attributes(attributes.find(TCA_OPTIONS)).text(TCA_BPF_NAME) : "";
    visit({ifindex, parent, found->tcm_handle, TC_H_MAJ(found->tcm_info) >> 16}, name);
  });
}

}  // namespace fovea
