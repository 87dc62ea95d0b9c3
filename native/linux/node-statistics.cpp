/* SPDX-License-Identifier: Apache-2.0 */
#include "node-statistics.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include "conntrack-statistics.h"
#include "interface-statistics.h"
#include "node-sockets.h"
#include "read-options.h"
#include "socket-statistics.h"

namespace fovea {

struct NodeStatistics::Shared {
  NodeSockets sockets;
  /** One reading at a time: answers on a netlink socket are told apart by who asked last. */
  std::mutex mutex;
};

namespace {

/** What is asked for; a limit of 0 leaves the part out. */
struct Parts {
  bool sockets;
  bool conntrack;
  size_t max_peers;
  size_t max_interfaces;
  size_t max_driver_statistics;
};

struct Driver {
  std::string name;
  DriverStatistics driver;
  int error;
};

struct Answers {
  SocketStatistics sockets;
  InterfaceList interfaces;
  std::vector<Driver> drivers;
  ConntrackStatistics conntrack;
  int sockets_error = 0;
  int interfaces_error = 0;
  int conntrack_error = 0;
};

Napi::Value number(Napi::Env env, auto value) { return Napi::Number::New(env, static_cast<double>(value)); }

Napi::Float64Array numbers(Napi::Env env, const auto* values, size_t count) {
  auto array = Napi::Float64Array::New(env, count);
  for (size_t i = 0; i < count; i++) array[i] = static_cast<double>(values[i]);
  return array;
}

Napi::Object failed(Napi::Env env, int error) {
  auto object = Napi::Object::New(env);
  object.Set("errno", number(env, error));
  object.Set("error", Napi::String::New(env, error == 0 ? "" : std::strerror(error)));
  return object;
}

Napi::Object tell_sockets(Napi::Env env, const Answers& answers) {
  auto object = failed(env, answers.sockets_error);
  const auto& [states, peers, other_peers] = answers.sockets;
  object.Set("ipv4", numbers(env, states[0].data(), states[0].size()));
  object.Set("ipv6", numbers(env, states[1].data(), states[1].size()));
  auto addresses = Napi::Uint8Array::New(env, peers.size() * sizeof(PeerAddress));
  auto counts = Napi::Float64Array::New(env, peers.size());
  size_t at = 0;
  for (const auto& [address, count] : peers) {
    std::memcpy(addresses.Data() + at * sizeof(PeerAddress), address.data(), sizeof(PeerAddress));
    counts[at++] = count;
  }
  object.Set("peers", addresses);
  object.Set("peerCounts", counts);
  object.Set("otherPeers", number(env, other_peers));
  return object;
}

Napi::Object tell_interfaces(Napi::Env env, const Answers& answers) {
  auto object = failed(env, answers.interfaces_error);
  auto list = Napi::Array::New(env, answers.interfaces.interfaces.size());
  uint32_t at = 0;
  for (const auto& [link, role, counts] : answers.interfaces.interfaces) {
    auto interface = Napi::Object::New(env);
    interface.Set("name", link.name);
    interface.Set("kind", link.kind);
    interface.Set("role", role_name(role));
    interface.Set("counts", numbers(env, reinterpret_cast<const uint64_t*>(&counts), sizeof(counts) / sizeof(uint64_t)));
    list.Set(at++, interface);
  }
  object.Set("list", list);
  object.Set("leftOut", number(env, answers.interfaces.left_out));
  return object;
}

Napi::Array tell_drivers(Napi::Env env, const Answers& answers) {
  auto list = Napi::Array::New(env, answers.drivers.size());
  uint32_t at = 0;
  for (const auto& [name, driver, error] : answers.drivers) {
    auto object = failed(env, error);
    auto names = Napi::Array::New(env, driver.statistics.size());
    auto values = Napi::Float64Array::New(env, driver.statistics.size());
    uint32_t position = 0;
    for (const auto& [statistic, value] : driver.statistics) {
      names.Set(position, statistic);
      values[position++] = static_cast<double>(value);
    }
    object.Set("name", name);
    object.Set("names", names);
    object.Set("values", values);
    object.Set("leftOut", number(env, driver.left_out));
    list.Set(at++, object);
  }
  return list;
}

Napi::Object tell_conntrack(Napi::Env env, const Answers& answers) {
  auto object = failed(env, answers.conntrack_error);
  const auto& [entries, max_entries, cpus] = answers.conntrack;
  object.Set("entries", number(env, entries));
  if (max_entries) object.Set("maxEntries", number(env, *max_entries));
  auto list = Napi::Array::New(env, cpus.size());
  uint32_t at = 0;
  for (const auto& [cpu, counts] : cpus) {
    auto view = Napi::Object::New(env);
    view.Set("cpu", number(env, cpu));
    view.Set("counts", numbers(env, counts.data(), counts.size()));
    list.Set(at++, view);
  }
  object.Set("cpus", list);
  return object;
}

void read_drivers(int fd, size_t limit, Answers& answers) {
  for (const auto& interface : answers.interfaces.interfaces) {
    Driver answer{interface.link.name, {}, 0};
    answer.error = read_driver(fd, interface.link.name, limit, answer.driver);
    /* Gone since it was listed. */
    if (answer.error == ENODEV) continue;
    if (answer.error != 0 || !answer.driver.statistics.empty()) answers.drivers.push_back(std::move(answer));
  }
}

}  // namespace

class NodeStatistics::Reading : public Napi::AsyncWorker {
 public:
  Reading(Napi::Env env, std::shared_ptr<Shared> shared, const Parts& parts)
      : Napi::AsyncWorker(env), deferred_(env), shared_(std::move(shared)), parts_(parts) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    const std::lock_guard lock(shared_->mutex);
    auto& [route, diag, netfilter, datagram] = shared_->sockets;
    if (parts_.max_interfaces > 0)
      answers_.interfaces_error = read_interfaces(*route, parts_.max_interfaces, answers_.interfaces);
    if (parts_.max_driver_statistics > 0) read_drivers(datagram.get(), parts_.max_driver_statistics, answers_);
    if (parts_.sockets)
      answers_.sockets_error = diag ? read_sockets(*diag, parts_.max_peers, answers_.sockets) : EPROTONOSUPPORT;
    if (parts_.conntrack)
      answers_.conntrack_error = netfilter ? read_conntrack(*netfilter, answers_.conntrack) : EPROTONOSUPPORT;
  }

  void OnOK() override {
    const Napi::Env env = Env();
    auto object = Napi::Object::New(env);
    if (parts_.sockets) object.Set("sockets", tell_sockets(env, answers_));
    if (parts_.max_interfaces > 0) object.Set("interfaces", tell_interfaces(env, answers_));
    object.Set("drivers", tell_drivers(env, answers_));
    if (parts_.conntrack) object.Set("conntrack", tell_conntrack(env, answers_));
    deferred_.Resolve(object);
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<Shared> shared_;
  const Parts parts_;
  Answers answers_;
};

Napi::Function NodeStatistics::define(Napi::Env env) {
  return DefineClass(env, "NodeStatistics", {InstanceMethod<&NodeStatistics::read>("read"),
                                             InstanceMethod<&NodeStatistics::close>("close")});
}

NodeStatistics::NodeStatistics(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NodeStatistics>(info), shared_(std::make_shared<Shared>()) {
  shared_->sockets = open_node_sockets(info[0].As<Napi::String>());
}

Napi::Value NodeStatistics::read(const Napi::CallbackInfo& info) {
  if (!shared_) throw Napi::Error::New(info.Env(), "the node's statistics are closed");
  const auto wanted = info[0].As<Napi::Object>();
  const auto limit = [&](const char* name) { return static_cast<size_t>(number_or(wanted, name, 0)); };
  const Parts parts{limit("sockets") != 0, limit("conntrack") != 0, limit("maxPeers"), limit("maxInterfaces"),
                    limit("maxDriverStatistics")};
  auto* reading = new Reading(info.Env(), shared_, parts);
  auto promise = reading->promise();
  /* Deletes itself when it has answered. */
  reading->Queue();
  return promise;
}

void NodeStatistics::close(const Napi::CallbackInfo&) { shared_.reset(); }

}  // namespace fovea
