/* SPDX-License-Identifier: Apache-2.0 */
#include "read-options.h"

namespace fovea {
namespace {

uint64_t number(const Napi::Value& value) {
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value() ? 1 : 0;
  if (value.IsBigInt()) {
    bool lossless = false;
    return value.As<Napi::BigInt>().Uint64Value(&lossless);
  }
  return static_cast<uint64_t>(value.ToNumber().Int64Value());
}

std::vector<uint64_t> numbers(const Napi::Value& value) {
  if (!value.IsArray()) return {number(value)};
  const auto list = value.As<Napi::Array>();
  std::vector<uint64_t> all;
  for (uint32_t i = 0; i < list.Length(); i++) all.push_back(number(list.Get(i)));
  return all;
}

}  // namespace

uint64_t number_or(const Napi::Object& options, const char* name, uint64_t otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsUndefined() ? otherwise : number(value);
}

std::string string_or(const Napi::Object& options, const char* name, const std::string& otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsUndefined() ? otherwise : value.ToString().Utf8Value();
}

std::vector<std::string> strings(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  std::vector<std::string> all;
  if (!value.IsArray()) return all;
  const auto list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) all.push_back(list.Get(i).ToString().Utf8Value());
  return all;
}

LoadSettings load_settings(const Napi::Object& options) {
  LoadSettings settings;
  const Napi::Value rodata = options.Get("rodata");
  if (rodata.IsObject())
    for (const auto& entry : rodata.As<Napi::Object>())
      settings.rodata[entry.first.ToString()] = numbers(static_cast<Napi::Value>(entry.second));
  const Napi::Value sizes = options.Get("maxEntries");
  if (sizes.IsObject())
    for (const auto& entry : sizes.As<Napi::Object>())
      settings.max_entries[entry.first.ToString()] =
          static_cast<uint32_t>(number(static_cast<Napi::Value>(entry.second)));
  return settings;
}

}  // namespace fovea
