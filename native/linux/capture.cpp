/* SPDX-License-Identifier: Apache-2.0 */
#include "capture.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <ctime>

namespace fovea {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr const char* kSweep = "sweep";

using SlabReference = Napi::Reference<Napi::ArrayBuffer>;

int64_t now_nanos(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

bool is_tracing(const std::string& object) { return !object.ends_with("packets.bpf.o"); }

}  // namespace

Napi::Function Capture::define(Napi::Env env) {
  return DefineClass(env, "Capture",
                     {InstanceMethod("give", &Capture::give), InstanceMethod("close", &Capture::close),
                      InstanceMethod("running", &Capture::running), InstanceMethod("programs", &Capture::programs), InstanceMethod("stats", &Capture::stats),
                      InstanceMethod("counters", &Capture::counters), InstanceMethod("reading", &Capture::reading),
                      InstanceMethod("interfaces", &Capture::interfaces),
                      InstanceMethod("discovery", &Capture::discovery),
                      InstanceMethod("location", &Capture::location)});
}

Capture::Capture(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Capture>(info) {
  const CaptureOptions options = read_capture_options(info[0].As<Napi::Object>());
  load(options);
  if (programs_->any()) start(options, info[1].As<Napi::Function>());
}

Capture::~Capture() { stop_threads(); }

void Capture::load(const CaptureOptions& options) {
  programs_ = std::make_unique<Programs>(options.load);
  for (const auto& object : options.objects) programs_->load(object.path, object.programs);
  for (const auto& name : programs_->unknown_rodata()) throw std::runtime_error("no BPF object has the variable " + name);
  for (const auto& result : std::vector(programs_->results())) {
    if (result.error != 0) continue;
    if (is_tracing(result.object)) attach_tracing(result.program);
    /* Connections that end without a packet would stay in the table, and their last packets untold. */
    else if (programs_->program(kSweep) < 0) programs_->fail(result.program, ECANCELED, "it needs the program sweep");
  }
}

/* Raw tracepoints with BTF carry their target: they need a descriptor only. */
void Capture::attach_tracing(const std::string& program) {
  const int fd = bpf_raw_tracepoint_open(nullptr, programs_->program(program));
  if (fd >= 0)
    tracing_links_.emplace_back(fd);
  else
    programs_->fail(program, -fd, "attach to its tracepoint");
}

void Capture::start(const CaptureOptions& options, const Napi::Function& on_event) {
  Napi::Env env = on_event.Env();
  locations_ = std::make_unique<Locations>([this] { keeper_->resolve_soon(); });
  reader_ = std::make_unique<Reader>(options.reader, programs_->map("events"), free_, locations_.get(),
                                     [this](const Slab& slab) { send(Delivery::What::slab, slab); });
  Keeper::Parts parts{nullptr, nullptr, reader_.get(), locations_.get()};
  const int sweep = programs_->program(kSweep);
  if (sweep >= 0) {
    parts.sweeper = std::make_unique<Sweeper>(sweep, programs_->map("counters"));
    parts.interfaces = std::make_unique<Interfaces>(*programs_, options.patterns, options.attach);
  }
  keeper_ = std::make_unique<Keeper>(std::move(parts), Keeper::Callbacks{
      [this] { if (!interfaces_announced_.exchange(true)) send(Delivery::What::interfaces); },
      [this] { send(Delivery::What::closed); }});
  for (auto& link : tracing_links_) keeper_->hold(std::move(link));
  tracing_links_.clear();
  notify_ = Notifier::New(env, on_event, "fovea capture", 0, 1, this);
  cleanup_ = env.AddCleanupHook(+[](Capture* capture) { capture->stop_threads(); }, this);
  running_ = true;
  Ref();
  reader_->start();
  keeper_->start();
}

/* Called on the threads. The queue is bounded by the number of slabs and one notice of each kind. */
void Capture::send(Delivery::What what, const Slab& slab) {
  const int64_t boot = now_nanos(CLOCK_BOOTTIME);
  const int64_t offset = now_nanos(CLOCK_REALTIME) - boot;
  auto* delivery = new Delivery{what, slab, offset / kSecond, offset % kSecond};
  if (notify_.NonBlockingCall(delivery) != napi_ok) delete delivery;
}

void Capture::call_js(Napi::Env env, Napi::Function on_event, Capture* capture, Delivery* raw) {
  const std::unique_ptr<Delivery> delivery(raw);
  if (env == nullptr) return;
  const Napi::HandleScope scope(env);
  switch (delivery->what) {
    case Delivery::What::slab: {
      const std::unique_ptr<SlabReference> reference(static_cast<SlabReference*>(delivery->slab.reference));
      on_event.Call({Napi::String::New(env, "slab"), reference->Value(),
                     Napi::Number::New(env, static_cast<double>(delivery->slab.bytes)),
                     Napi::Number::New(env, delivery->slab.records),
                     Napi::Number::New(env, static_cast<double>(delivery->offset_seconds)),
                     Napi::Number::New(env, static_cast<double>(delivery->offset_nanos))});
      break;
    }
    case Delivery::What::interfaces:
      capture->interfaces_announced_ = false;
      on_event.Call({Napi::String::New(env, "interfaces")});
      break;
    case Delivery::What::closed:
      capture->finish(env);
      on_event.Call({Napi::String::New(env, "closed")});
      break;
  }
}

/* Everything was delivered; both threads are at their end. */
void Capture::finish(Napi::Env env) {
  keeper_->join();
  running_ = false;
  cleanup_.Remove(env);
  for (const auto& slab : free_.take_all()) delete static_cast<SlabReference*>(slab.reference);
  notify_.Release();
  Unref();
}

/* Each thread may be inside the other's object: both end before either object goes. */
void Capture::stop_threads() {
  if (reader_) reader_->finish(std::chrono::steady_clock::now());
  if (keeper_) keeper_->abandon();
  if (reader_) reader_->join();
  keeper_.reset();
  reader_.reset();
}

}  // namespace fovea
