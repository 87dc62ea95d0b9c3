/* SPDX-License-Identifier: Apache-2.0 */
#include <napi.h>

#include "test-object.h"

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("TestObject", fovea::TestObject::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, initialise)
