/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attacher.h"
#include "classify.h"
#include "link.h"
#include "netlink.h"
#include "programs.h"

namespace fovea {

/** What is told of an interface to JavaScript. */
struct InterfaceView {
  uint32_t index;
  std::string name;
  std::string kind;
  Role role;
  /** Programs attached: 0, 1 (loopback) or 2. */
  uint32_t attached;
  /** `tcx` or `clsact`. */
  std::string method;
  /** errno of the last attempt, 0 = none failed. */
  int error;
};

struct DiscoveryCounts {
  /** Interfaces that vanished while they were being attached. */
  uint32_t vanished = 0;
  /** Attempts that failed for another reason. */
  uint32_t failed = 0;
  /** Filters of dead processes of ours that were deleted. */
  uint32_t cleaned = 0;
  /** Times the kernel had to drop announcements, so that all interfaces were read again. */
  uint32_t resyncs = 0;
};

/** All interfaces of this network namespace, kept up to date by rtnetlink, with our programs on those that have a role. */
class Interfaces {
 public:
  /** @throws std::system_error when rtnetlink cannot be opened */
  Interfaces(const Programs& programs, Patterns patterns, const std::string& attach_mode);

  /** Becomes readable when interfaces changed. */
  int fd() const { return announcements_.fd(); }
  /** Reads every interface, attaches to the new ones and forgets the others. */
  void read_all();
  /** Follows the announcements. @returns whether anything changed */
  bool follow();
  void detach_all();

  /** May be called from any thread. */
  std::vector<InterfaceView> view() const;
  DiscoveryCounts counts() const;

 private:
  struct Observed {
    Link link;
    Role role = Role::ignored;
    std::vector<std::unique_ptr<Attachment>> attachments;
    std::string method;
    int error = 0;
  };

  bool update(const Link& link);
  bool forget(uint32_t index);
  bool peer_left(uint32_t index);
  void attach(Observed& observed);
  void count(uint32_t& counter);

  const Programs& programs_;
  const Patterns patterns_;
  Attacher attacher_;
  Netlink announcements_{RTMGRP_LINK};
  Netlink requests_{0};
  mutable std::mutex mutex_;
  std::map<uint32_t, Observed> observed_;
  DiscoveryCounts counts_;
};

}  // namespace fovea
