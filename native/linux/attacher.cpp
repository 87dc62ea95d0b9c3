/* SPDX-License-Identifier: Apache-2.0 */
#include "attacher.h"

#include <cerrno>

#include "tcx.h"

namespace fovea {

Attached Attacher::attach(const Target& target) {
  if (!tcx_) return clsact_.attach(target);
  Attached attached = attach_tcx(target);
  if (attached.error != EINVAL || !fall_back_) return attached;
  Attached filter = clsact_.attach(target);
  if (filter.error == 0) tcx_ = false;
  return filter;
}

}  // namespace fovea
