/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

struct DropReason {
  uint32_t number;
  std::string name;
};

/**
 * This kernel's drop reasons, from its BTF: `enum skb_drop_reason` without its prefix, and those of subsystems
 * (include/net/dropreason.h) with their own names. Empty before 5.17 and without BTF.
 */
std::vector<DropReason> read_drop_reasons();

}  // namespace fovea
