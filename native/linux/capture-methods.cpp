/* SPDX-License-Identifier: Apache-2.0 */
/* What JavaScript may ask of a capture. */
#include <cstring>

#include "capture.h"
#include "counters.h"

namespace fovea {
namespace {

Napi::Object object_of(Napi::Env env, std::initializer_list<std::pair<const char*, Napi::Value>> members) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, value] : members) object.Set(name, value);
  return object;
}

Napi::Value number(Napi::Env env, auto value) { return Napi::Number::New(env, static_cast<double>(value)); }
Napi::Value text(Napi::Env env, const std::string& value) { return Napi::String::New(env, value); }

Napi::Array list_of(Napi::Env env, const auto& items, auto&& convert) {
  auto list = Napi::Array::New(env, items.size());
  uint32_t at = 0;
  for (const auto& item : items) list.Set(at++, convert(item));
  return list;
}

std::string error_text(int error) { return error == 0 ? "" : std::strerror(error); }

}  // namespace

void Capture::give(const Napi::CallbackInfo& info) {
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  if (!running_) return;
  auto* reference = new Napi::Reference<Napi::ArrayBuffer>(Napi::Persistent(buffer));
  free_.put({static_cast<uint8_t*>(buffer.Data()), buffer.ByteLength(), reference});
  reader_->slab_returned();
}

void Capture::close(const Napi::CallbackInfo& info) {
  const auto milliseconds = std::chrono::milliseconds(info[0].ToNumber().Int64Value());
  if (running_) keeper_->finish(std::chrono::steady_clock::now() + milliseconds);
}

Napi::Value Capture::running(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), running_); }

Napi::Value Capture::programs(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return list_of(env, programs_->results(), [&](const ProgramResult& result) {
    return object_of(env, {{"object", text(env, result.object)},
                           {"program", text(env, result.program)},
                           {"errno", number(env, result.error)},
                           {"error", text(env, error_text(result.error))},
                           {"log", text(env, result.log)}});
  });
}

Napi::Value Capture::stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return list_of(env, programs_->stats(), [&](const ProgramStats& stats) {
    return object_of(env, {{"program", text(env, stats.program)},
                           {"runNanos", number(env, stats.run_ns)},
                           {"runs", number(env, stats.runs)},
                           {"missed", number(env, stats.missed)}});
  });
}

Napi::Value Capture::counters(const Napi::CallbackInfo& info) {
  return list_of(info.Env(), read_counters(programs_->map("counters")),
                 [&](uint64_t value) { return number(info.Env(), value); });
}

Napi::Value Capture::reading(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!reader_) return object_of(env, {});
  const ReaderCounts& counts = reader_->counts();
  return object_of(env, {{"records", number(env, counts.records.load())},
                         {"malformed", number(env, counts.malformed.load())},
                         {"starved", number(env, counts.starved.load())},
                         {"waitingBytes", number(env, reader_->waiting())},
                         {"unflushed", number(env, keeper_->unflushed())},
                         {"freeSlabs", number(env, free_.count())},
                         {"connections", number(env, keeper_->connections())}});
}

Napi::Value Capture::interfaces(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Interfaces* interfaces = keeper_ ? keeper_->interfaces() : nullptr;
  return list_of(env, interfaces ? interfaces->view() : std::vector<InterfaceView>(), [&](const InterfaceView& view) {
    return object_of(env, {{"index", number(env, view.index)},
                           {"name", text(env, view.name)},
                           {"kind", text(env, view.kind)},
                           {"role", text(env, role_name(view.role))},
                           {"attached", number(env, view.attached)},
                           {"method", text(env, view.method)},
                           {"error", text(env, error_text(view.error))}});
  });
}

Napi::Value Capture::discovery(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Interfaces* interfaces = keeper_ ? keeper_->interfaces() : nullptr;
  const DiscoveryCounts counts = interfaces ? interfaces->counts() : DiscoveryCounts{};
  return object_of(env, {{"vanished", number(env, counts.vanished)},
                         {"failed", number(env, counts.failed)},
                         {"cleaned", number(env, counts.cleaned)},
                         {"resyncs", number(env, counts.resyncs)}});
}

Napi::Value Capture::location(const Napi::CallbackInfo& info) {
  const uint32_t id = info[0].ToNumber().Uint32Value();
  return text(info.Env(), locations_ ? locations_->text(id) : "");
}

}  // namespace fovea
