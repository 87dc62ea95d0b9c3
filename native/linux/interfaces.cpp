/* SPDX-License-Identifier: Apache-2.0 */
#include "interfaces.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <utility>

namespace fovea {
namespace {

struct Hook {
  Side side;
  const char* program;
};

std::vector<Hook> hooks_of(Role role) {
  switch (role) {
    /* One side only: on loopback every packet that leaves arrives. */
    case Role::loopback: return {{Side::egress, "loopback_egress"}};
    case Role::endpoint: return {{Side::ingress, "endpoint_ingress"}, {Side::egress, "endpoint_egress"}};
    case Role::network: return {{Side::ingress, "network_ingress"}, {Side::egress, "network_egress"}};
    case Role::ignored: break;
  }
  return {};
}

}  // namespace

Interfaces::Interfaces(const Programs& programs, Patterns patterns, const std::string& attach_mode)
    : programs_(programs), patterns_(std::move(patterns)), attacher_(attach_mode) {}

void Interfaces::read_all() {
  std::vector<Link> links;
  std::set<uint32_t> seen;
  request_links(requests_, 0, [&](const Link& link) { links.push_back(link); });
  for (const auto& link : links) seen.insert(link.index);
  std::vector<uint32_t> gone;
  for (const auto& [index, observed] : observed_)
    if (!seen.contains(index)) gone.push_back(index);
  for (const uint32_t index : gone) forget(index);
  for (const auto& link : links) update(link);
}

bool Interfaces::follow() {
  bool changed = false;
  std::vector<std::pair<bool, Link>> announced;
  const int error = announcements_.receive([&](const nlmsghdr* message) {
    if (const auto link = read_link(message)) announced.emplace_back(message->nlmsg_type == RTM_DELLINK, *link);
  });
  for (const auto& [deleted, link] : announced)
    changed = (deleted ? forget(link.index) | peer_left(link.index) : update(link)) || changed;
  if (error != ENOBUFS) return changed;
  count(counts_.resyncs);
  read_all();
  return true;
}

bool Interfaces::update(const Link& link) {
  const Role role = classify(requests_, link, patterns_);
  const auto known = observed_.find(link.index);
  if (known != observed_.end() && known->second.role == role && known->second.error == 0) {
    const std::lock_guard lock(mutex_);
    const bool renamed = known->second.link.name != link.name;
    known->second.link = link;
    return renamed;
  }
  if (known != observed_.end()) forget(link.index);
  Observed observed{link, role, {}, "", 0};
  attach(observed);
  if (observed.error == ENODEV) {
    count(counts_.vanished);
    return false;
  }
  const std::lock_guard lock(mutex_);
  observed_.insert_or_assign(link.index, std::move(observed));
  return true;
}

bool Interfaces::forget(uint32_t index) {
  decltype(observed_)::node_type node;
  {
    const std::lock_guard lock(mutex_);
    node = observed_.extract(index);
  }
  /* Outside the lock: taking a program off waits for an RCU grace period. */
  return !node.empty();
}

/* A veth's other end was moved to another namespace: it goes from here, and nothing is announced of the end that stays. */
bool Interfaces::peer_left(uint32_t index) {
  std::vector<uint32_t> stayed;
  for (const auto& [known, observed] : observed_)
    if (observed.link.lower == index && !observed.link.lower_elsewhere) stayed.push_back(known);
  std::vector<Link> links;
  for (const uint32_t known : stayed) request_links(requests_, known, [&](const Link& link) { links.push_back(link); });
  bool changed = false;
  for (const auto& link : links) changed = update(link) || changed;
  return changed;
}

void Interfaces::attach(Observed& observed) {
  const auto hooks = hooks_of(observed.role);
  if (!hooks.empty()) attacher_.clean(observed.link.index);
  for (const auto& [side, program] : hooks) {
    const int fd = programs_.program(program);
    if (fd < 0) continue;
    auto [attachment, error] = attacher_.attach({observed.link.index, side, fd, program});
    if (error == 0) observed.attachments.push_back(std::move(attachment));
    if (error != 0) observed.error = error;
  }
  observed.method = observed.attachments.empty() ? "" : attacher_.method();
  if (observed.error != 0 && observed.error != ENODEV) count(counts_.failed);
  const std::lock_guard lock(mutex_);
  counts_.cleaned = attacher_.cleaned();
}

void Interfaces::count(uint32_t& counter) {
  const std::lock_guard lock(mutex_);
  counter++;
}

void Interfaces::detach_all() {
  std::vector<std::unique_ptr<Attachment>> all;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [index, observed] : observed_) {
      std::ranges::move(observed.attachments, std::back_inserter(all));
      observed.attachments.clear();
    }
  }
  /* Taken off here, outside the lock. */
}

std::vector<InterfaceView> Interfaces::view() const {
  const std::lock_guard lock(mutex_);
  std::vector<InterfaceView> views;
  for (const auto& [index, observed] : observed_)
    views.push_back({index, observed.link.name, observed.link.kind, observed.role,
                     static_cast<uint32_t>(observed.attachments.size()), observed.method, observed.error});
  return views;
}

DiscoveryCounts Interfaces::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace fovea
