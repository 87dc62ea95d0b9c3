/* SPDX-License-Identifier: Apache-2.0 */
#include "tcx.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "descriptor.h"

namespace fovea {
namespace {

/* include/uapi/linux/bpf.h of 6.6; the headers of older distributions and libbpf 1.1 do not know them. */
constexpr uint32_t kTcxIngress = 46;
constexpr uint32_t kTcxEgress = 47;
constexpr uint32_t kBefore = 1U << 3;

/** `union bpf_attr`, member `link_create`, as of 6.6. */
struct LinkCreate {
  uint32_t program_fd;
  uint32_t ifindex;
  uint32_t attach_type;
  uint32_t flags;
  uint32_t relative_fd;
  uint32_t reserved;
  uint64_t expected_revision;
};

class TcxLink : public Attachment {
 public:
  explicit TcxLink(int fd) : link_(fd) {}

 private:
  Descriptor link_;
};

}  // namespace

Attached attach_tcx(const Target& target) {
  LinkCreate create{};
  create.program_fd = static_cast<uint32_t>(target.program_fd);
  create.ifindex = target.ifindex;
  create.attach_type = target.side == Side::ingress ? kTcxIngress : kTcxEgress;
  create.flags = kBefore;
  const auto fd = static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create)));
  if (fd < 0) return {nullptr, errno};
  return {std::make_unique<TcxLink>(fd), 0};
}

}  // namespace fovea
