/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "attachment.h"
#include "descriptor.h"
#include "netlink.h"

namespace fovea {

/**
 * Attaches by a `bpf` filter on the clsact qdisc, for kernels without tcx. Every filter of ours carries a handle of our
 * own range and a name beginning with `fovea_`; the low bits of the handle are this process' slot. Who holds a slot
 * listens on an abstract unix socket of that number, so a filter whose slot nobody holds was left by a process that died.
 */
class Clsact {
 public:
  /** ENOSPC when 256 other processes hold a slot. */
  Attached attach(const Target& target);
  /** Deletes filters of ours on this interface that a dead process left. @returns how many */
  uint32_t clean(uint32_t ifindex);

 private:
  friend class ClsactFilter;

  /** One of our filters: enough to delete exactly it. */
  struct Filter {
    uint32_t ifindex;
    uint32_t parent;
    uint32_t handle;
    uint32_t preference;
    bool operator<(const Filter& other) const;
  };

  bool hold_a_slot();
  bool ensure_qdisc(uint32_t ifindex, int& error);
  int add(const Target& target, const Filter& filter);
  void remove(const Filter& filter);
  void remove_qdisc_if_empty(uint32_t ifindex);
  void each_filter(uint32_t ifindex, uint32_t parent, const std::function<void(const Filter&, const std::string&)>& visit);

  Netlink netlink_{0};
  Descriptor slot_socket_;
  uint32_t slot_ = 0;
  /** Interfaces whose qdisc we made: only these may be deleted, and only when they hold nothing else. */
  std::set<uint32_t> made_;
};

}  // namespace fovea
