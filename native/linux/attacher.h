/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <string>

#include "attachment.h"
#include "clsact.h"

namespace fovea {

/** Attaches by tcx links, or by clsact filters where the kernel has no tcx or the user wants it so. */
class Attacher {
 public:
  /** @param mode `auto`, `tcx` or `clsact` */
  explicit Attacher(const std::string& mode) : tcx_(mode != "clsact"), fall_back_(mode == "auto") {}

  Attached attach(const Target& target);
  /** Deletes what a dead process of ours left on an interface (clsact only: links die with their process). */
  void clean(uint32_t ifindex) { cleaned_ += clsact_.clean(ifindex); }

  /** How the next program will be attached. */
  const char* method() const { return tcx_ ? "tcx" : "clsact"; }
  uint32_t cleaned() const { return cleaned_; }

 private:
  bool tcx_;
  bool fall_back_;
  uint32_t cleaned_ = 0;
  Clsact clsact_;
};

}  // namespace fovea
