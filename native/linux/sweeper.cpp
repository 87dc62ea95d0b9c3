/* SPDX-License-Identifier: Apache-2.0 */
#include "sweeper.h"

#include <bpf/bpf.h>
#include <linux/types.h>

#include "counters.h"
#include "event.h"

namespace fovea {

int Sweeper::sweep() {
  const uint64_t before = read_counters(counters_fd_)[FOVEA_SWEPT];
  const int error = walk(false);
  connections_ = read_counters(counters_fd_)[FOVEA_SWEPT] - before;
  return error;
}

uint64_t Sweeper::flush() const {
  const uint64_t before = read_counters(counters_fd_)[FOVEA_DEFERRED];
  /* What was met before the walk broke off is told, the rest is as it was. */
  if (walk(true) != 0) return connections();
  return read_counters(counters_fd_)[FOVEA_DEFERRED] - before;
}

int Sweeper::walk(bool flush_all) const {
  fovea_sweep input{};
  input.flush_all = flush_all ? 1 : 0;
  do {
    LIBBPF_OPTS(bpf_test_run_opts, run);
    run.data_in = &input;
    run.data_size_in = sizeof(input);
    const int error = bpf_prog_test_run_opts(program_fd_, &run);
    if (error != 0) return -error;
    input.first = run.retval;
  } while (input.first != 0);
  return 0;
}

}  // namespace fovea
