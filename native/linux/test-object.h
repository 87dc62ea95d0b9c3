/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <napi.h>

#include <memory>

#include "programs.h"
#include "ring.h"

namespace fovea {

/** One BPF object loaded for tests: its programs run on packets given by the caller, and its maps keep their content. */
class TestObject : public Napi::ObjectWrap<TestObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit TestObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value records(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  Napi::Value entries(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  std::unique_ptr<Programs> programs_;
  std::unique_ptr<Ring> ring_;
};

}  // namespace fovea
