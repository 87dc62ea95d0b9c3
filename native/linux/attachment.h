/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace fovea {

/** Side of an interface, as the interface sees it: ingress = packets it hands to the kernel. */
enum class Side { ingress, egress };

/** A program running on one side of one interface; destroying it takes the program off again. */
class Attachment {
 public:
  virtual ~Attachment() = default;
};

/** What an attempt to attach gave: an attachment, or an errno. */
struct Attached {
  std::unique_ptr<Attachment> attachment;
  int error = 0;
};

/** Where a program goes. */
struct Target {
  uint32_t ifindex;
  Side side;
  int program_fd;
  std::string program;
};

}  // namespace fovea
