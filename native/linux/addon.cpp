/* SPDX-License-Identifier: Apache-2.0 */
#include <napi.h>

#include "capture.h"
#include "classify.h"
#include "drop-reasons.h"
#include "node-statistics.h"
#include "read-options.h"
#include "test-object.h"

namespace {

/** (interface, defaultRoute, patterns) → role; the rule by itself, for tests of interfaces a machine does not have. */
Napi::Value classify(const Napi::CallbackInfo& info) {
  const auto interface = info[0].As<Napi::Object>();
  fovea::Link link;
  link.name = fovea::string_or(interface, "name", "");
  link.kind = fovea::string_or(interface, "kind", "");
  link.port_of = fovea::string_or(interface, "portOf", "");
  link.loopback = fovea::number_or(interface, "loopback", 0) != 0;
  link.lower_elsewhere = fovea::number_or(interface, "lowerElsewhere", 0) != 0;
  link.master = static_cast<uint32_t>(fovea::number_or(interface, "master", 0));
  const auto role = fovea::classify(link, info[1].ToBoolean(), fovea::read_patterns(info[2].As<Napi::Object>()));
  return Napi::String::New(info.Env(), fovea::role_name(role));
}

Napi::Value drop_reasons(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  uint32_t at = 0;
  for (const auto& [number, name] : fovea::read_drop_reasons()) {
    auto pair = Napi::Array::New(info.Env(), 2);
    pair.Set(0U, Napi::Number::New(info.Env(), number));
    pair.Set(1U, Napi::String::New(info.Env(), name));
    list.Set(at++, pair);
  }
  return list;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("TestObject", fovea::TestObject::define(env));
  exports.Set("Capture", fovea::Capture::define(env));
  exports.Set("NodeStatistics", fovea::NodeStatistics::define(env));
  exports.Set("classify", Napi::Function::New(env, classify, "classify"));
  exports.Set("dropReasons", Napi::Function::New(env, drop_reasons, "dropReasons"));
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, initialise)
