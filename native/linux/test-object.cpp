/* SPDX-License-Identifier: Apache-2.0 */
#include "test-object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/types.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "counters.h"
#include "event.h"
#include "read-options.h"

namespace fovea {
namespace {

constexpr size_t kPacketRoom = 64 * 1024;

/** Descriptor of a map and what the kernel says of it. */
struct MapInfo {
  int fd;
  bpf_map_info info;
};

MapInfo find_map(const Napi::Env& env, const Programs& programs, const std::string& name) {
  MapInfo map{programs.map(name), {}};
  uint32_t bytes = sizeof(map.info);
  if (map.fd < 0 || bpf_obj_get_info_by_fd(map.fd, &map.info, &bytes) != 0)
    throw Napi::Error::New(env, "no map " + name);
  return map;
}

__sk_buff context_of(const Napi::Object& options) {
  __sk_buff context{};
  context.ifindex = static_cast<uint32_t>(number_or(options, "ifindex", 0));
  context.mark = static_cast<uint32_t>(number_or(options, "mark", 0));
  context.gso_segs = static_cast<uint32_t>(number_or(options, "gsoSegs", 0));
  context.gso_size = static_cast<uint32_t>(number_or(options, "gsoSize", 0));
  context.wire_len = static_cast<uint32_t>(number_or(options, "wireBytes", 0));
  return context;
}

Napi::Uint8Array copied(const Napi::Env& env, const void* data, size_t bytes) {
  auto array = Napi::Uint8Array::New(env, bytes);
  if (bytes > 0) std::memcpy(array.Data(), data, bytes);
  return array;
}

}  // namespace

Napi::Function TestObject::define(Napi::Env env) {
  return DefineClass(env, "TestObject",
                     {InstanceMethod("run", &TestObject::run), InstanceMethod("records", &TestObject::records),
                      InstanceMethod("counters", &TestObject::counters),
                      InstanceMethod("entries", &TestObject::entries), InstanceMethod("close", &TestObject::close)});
}

TestObject::TestObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TestObject>(info) {
  const auto options = info[0].As<Napi::Object>();
  const auto wanted = strings(options, "programs");
  programs_ = std::make_unique<Programs>(load_settings(options));
  programs_->load(string_or(options, "path", ""), {wanted.begin(), wanted.end()});
  for (const auto& result : programs_->results())
    if (result.error != 0)
      throw Napi::Error::New(info.Env(), result.object + ": " + result.program + ": " + std::strerror(result.error) +
                                             "\n" + result.log);
  for (const auto& name : programs_->unknown_rodata())
    throw Napi::Error::New(info.Env(), string_or(options, "path", "") + ": no variable " + name);
  if (programs_->map("events") >= 0) {
    const auto events = find_map(info.Env(), *programs_, "events");
    ring_ = std::make_unique<Ring>(events.fd, events.info.max_entries);
  }
}

Napi::Value TestObject::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].ToString().Utf8Value();
  const auto packet = info[1].As<Napi::Uint8Array>();
  const auto options = info[2].IsObject() ? info[2].As<Napi::Object>() : Napi::Object::New(env);
  const int program = programs_ ? programs_->program(name) : -1;
  if (program < 0) throw Napi::Error::New(env, "no program " + name);

  __sk_buff context = context_of(options);
  std::vector<uint8_t> out(kPacketRoom);
  LIBBPF_OPTS(bpf_test_run_opts, run);
  run.data_in = packet.Data();
  run.data_size_in = static_cast<uint32_t>(packet.ByteLength());
  run.data_out = out.data();
  run.data_size_out = static_cast<uint32_t>(out.size());
  run.ctx_in = &context;
  run.ctx_size_in = sizeof(context);
  run.repeat = static_cast<int>(number_or(options, "repeat", 1));
  const int error = bpf_prog_test_run_opts(program, &run);
  if (error != 0) throw Napi::Error::New(env, "run " + name + ": " + std::strerror(-error));

  auto result = Napi::Object::New(env);
  result.Set("returned", Napi::Number::New(env, static_cast<int32_t>(run.retval)));
  result.Set("nanos", Napi::Number::New(env, run.duration));
  result.Set("data", copied(env, out.data(), run.data_size_out));
  return result;
}

Napi::Value TestObject::records(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  if (!ring_) return list;
  std::vector<uint8_t> record(UINT16_MAX);
  for (uint32_t i = 0;; i++) {
    const auto taken = ring_->take(record.data(), record.size(), 1);
    if (taken.malformed > 0) throw Napi::Error::New(info.Env(), "the ring holds a record with a wrong length");
    if (taken.records == 0) return list;
    list.Set(i, copied(info.Env(), record.data(), taken.bytes));
  }
}

Napi::Value TestObject::counters(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  uint32_t at = 0;
  for (const uint64_t value : read_counters(programs_ ? programs_->map("counters") : -1))
    list.Set(at++, Napi::Number::New(info.Env(), static_cast<double>(value)));
  return list;
}

/* Keys and values of a map that is not per CPU. */
Napi::Value TestObject::entries(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!programs_) throw Napi::Error::New(env, "closed");
  const auto map = find_map(env, *programs_, info[0].ToString().Utf8Value());
  std::vector<uint8_t> key(map.info.key_size);
  std::vector<uint8_t> value(map.info.value_size);
  auto list = Napi::Array::New(env);
  const void* previous = nullptr;
  for (uint32_t at = 0; bpf_map_get_next_key(map.fd, previous, key.data()) == 0; previous = key.data()) {
    if (bpf_map_lookup_elem(map.fd, key.data(), value.data()) != 0) continue;
    auto entry = Napi::Object::New(env);
    entry.Set("key", copied(env, key.data(), key.size()));
    entry.Set("value", copied(env, value.data(), value.size()));
    list.Set(at++, entry);
  }
  return list;
}

void TestObject::close(const Napi::CallbackInfo&) {
  ring_.reset();
  programs_.reset();
}

}  // namespace fovea
