/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <array>
#include <cstdint>

#include <linux/types.h>

#include "event.h"

namespace fovea {

using Counters = std::array<uint64_t, FOVEA_COUNTERS>;

/** The map `counters`, each summed over the CPUs; zeroes when `map_fd` is -1. */
Counters read_counters(int map_fd);

}  // namespace fovea
