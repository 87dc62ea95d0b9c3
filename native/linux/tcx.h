/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "attachment.h"

namespace fovea {

/**
 * Attaches by a tcx link (kernel 6.6, kernel/bpf/tcx.c) before all other programs, so that what these redirect or drop
 * is seen. The link lives as long as its descriptor: nothing stays when this process dies. EINVAL = the kernel has no tcx.
 */
Attached attach_tcx(const Target& target);

}  // namespace fovea
