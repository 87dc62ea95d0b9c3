/* SPDX-License-Identifier: Apache-2.0 */
#include "capture-options.h"

#include "read-options.h"

namespace fovea {

Patterns read_patterns(const Napi::Object& interfaces) {
  return {strings(interfaces, "include"), strings(interfaces, "exclude"), strings(interfaces, "endpoint"),
          strings(interfaces, "network")};
}

CaptureOptions read_capture_options(const Napi::Object& options) {
  CaptureOptions read;
  read.load = load_settings(options);
  read.attach = string_or(options, "attach", "auto");
  const auto objects = options.Get("objects").As<Napi::Array>();
  for (uint32_t i = 0; i < objects.Length(); i++) {
    const auto object = objects.Get(i).As<Napi::Object>();
    const auto names = strings(object, "programs");
    read.objects.push_back({string_or(object, "path", ""), {names.begin(), names.end()}});
  }
  const Napi::Value interfaces = options.Get("interfaces");
  if (interfaces.IsObject()) read.patterns = read_patterns(interfaces.As<Napi::Object>());
  read.reader.poll_ms = static_cast<int>(number_or(options, "pollMs", 5));
  read.reader.slab_ms = static_cast<int>(number_or(options, "slabMs", 50));
  read.reader.slab_records = static_cast<uint32_t>(number_or(options, "slabRecords", 16384));
  return read;
}

}  // namespace fovea
