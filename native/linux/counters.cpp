/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <numeric>
#include <vector>

namespace fovea {

Counters read_counters(int map_fd) {
  Counters sums{};
  const int cpus = libbpf_num_possible_cpus();
  if (map_fd < 0 || cpus <= 0) return sums;
  std::vector<uint64_t> values(static_cast<size_t>(cpus));
  for (uint32_t key = 0; key < FOVEA_COUNTERS; key++) {
    if (bpf_map_lookup_elem(map_fd, &key, values.data()) == 0)
      sums[key] = std::accumulate(values.begin(), values.end(), uint64_t{0});
  }
  return sums;
}

}  // namespace fovea
