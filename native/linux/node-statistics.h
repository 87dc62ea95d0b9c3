/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <napi.h>

#include <memory>

namespace fovea {

/**
 * JavaScript's view of a namespace's statistics: `new NodeStatistics(networkNamespace)`, `read(parts) → Promise`, `close()`.
 * Everything is asked for on a thread of libuv's pool; what the kernel refuses is an errno in the answer, not an exception.
 */
class NodeStatistics : public Napi::ObjectWrap<NodeStatistics> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NodeStatistics(const Napi::CallbackInfo& info);

 private:
  struct Shared;
  class Reading;
  Napi::Value read(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  /** Null once closed; a reading that is under way keeps it. */
  std::shared_ptr<Shared> shared_;
};

}  // namespace fovea
