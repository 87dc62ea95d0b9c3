/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>

#include "capture-options.h"
#include "keeper.h"
#include "locations.h"
#include "programs.h"
#include "reader.h"
#include "slabs.h"

namespace fovea {

/** What crosses to JavaScript's thread: a filled slab, or one of two notices. */
struct Delivery {
  enum class What { slab, interfaces, closed } what;
  Slab slab;
  int64_t offset_seconds = 0;
  int64_t offset_nanos = 0;
};

/** A running observation of this machine, as JavaScript holds it (`native/capture.ts`). Nothing of it is shared with others. */
class Capture : public Napi::ObjectWrap<Capture> {
 public:
  static Napi::Function define(Napi::Env env);
  /** (options, onEvent) */
  explicit Capture(const Napi::CallbackInfo& info);
  ~Capture() override;

 private:
  static void call_js(Napi::Env env, Napi::Function on_event, Capture* capture, Delivery* delivery);
  using Notifier = Napi::TypedThreadSafeFunction<Capture, Delivery, call_js>;
  using CleanupHook = Napi::Env::CleanupHook<void (*)(Capture*), Capture>;

  void load(const CaptureOptions& options);
  void attach_tracing(const std::string& program);
  void start(const CaptureOptions& options, const Napi::Function& on_event);
  void send(Delivery::What what, const Slab& slab = {});
  void stop_threads();
  void finish(Napi::Env env);

  void give(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  Napi::Value running(const Napi::CallbackInfo& info);
  Napi::Value programs(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  Napi::Value reading(const Napi::CallbackInfo& info);
  Napi::Value interfaces(const Napi::CallbackInfo& info);
  Napi::Value discovery(const Napi::CallbackInfo& info);
  Napi::Value location(const Napi::CallbackInfo& info);

  std::unique_ptr<Programs> programs_;
  FreeSlabs free_;
  std::unique_ptr<Locations> locations_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Keeper> keeper_;
  std::vector<Descriptor> tracing_links_;
  Notifier notify_;
  /** A notice about interfaces is on its way: another one would say nothing new. */
  std::atomic<bool> interfaces_announced_{false};
  /** Ends the threads before Node takes away what they notify. */
  CleanupHook cleanup_;
  bool running_ = false;
};

}  // namespace fovea
