/* SPDX-License-Identifier: Apache-2.0 */
#include "locations.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>

namespace fovea {
namespace {

/* Farther from a symbol than any function is long: code that kallsyms does not know. */
constexpr uint64_t kFarthest = 0x100000;

/** An address and the nearest symbol below it that was met so far. */
struct Nearest {
  uint64_t address;
  uint32_t id;
  uint64_t start = 0;
  std::string symbol;
};

/** Offers one symbol to all addresses; these are sorted. Symbols come in any order (modules follow the kernel). */
void offer(std::vector<Nearest>& wanted, uint64_t start, const char* symbol) {
  auto at = std::lower_bound(wanted.begin(), wanted.end(), start,
                             [](const Nearest& one, uint64_t address) { return one.address < address; });
  for (; at != wanted.end() && at->address - start < kFarthest; at++) {
    if (start < at->start || start == 0) continue;
    /* The first of several names of one address, as the kernel's own %pS prints it. */
    if (start == at->start) continue;
    at->start = start;
    at->symbol = symbol;
  }
}

void read_symbols(std::vector<Nearest>& wanted) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen("/proc/kallsyms", "re"), fclose);
  char line[1024];
  while (file && fgets(line, sizeof(line), file.get()) != nullptr) {
    char* rest = nullptr;
    const uint64_t start = strtoull(line, &rest, 16);
    if (rest == nullptr || rest[0] != ' ' || strchr("tTwW", rest[1]) == nullptr) continue;
    char* symbol = rest + 3;
    symbol[strcspn(symbol, "\n")] = '\0';
    offer(wanted, start, symbol);
  }
}

std::string text_of(const Nearest& nearest) {
  if (nearest.symbol.empty()) return "";
  const size_t tab = nearest.symbol.find('\t');
  char offset[24];
  snprintf(offset, sizeof(offset), "+0x%" PRIx64, nearest.address - nearest.start);
  std::string text = nearest.symbol.substr(0, tab) + offset;
  if (tab != std::string::npos) text += " " + nearest.symbol.substr(tab + 1);
  return text;
}

}  // namespace

uint32_t Locations::id_of(uint64_t address) {
  if (address == 0) return 0;
  /* Fibonacci hashing: call sites differ in their low bits. */
  auto bucket = static_cast<uint32_t>((address * 0x9e3779b97f4a7c15ULL) >> 51);
  for (;; bucket = (bucket + 1) % kBuckets) {
    const uint32_t id = buckets_[bucket];
    if (id == 0) break;
    if (addresses_[id] == address) return id;
  }
  const uint32_t id = used_.load(std::memory_order_relaxed);
  if (id == kIds) return 0;
  buckets_[bucket] = static_cast<uint16_t>(id);
  addresses_[id] = address;
  used_.store(id + 1, std::memory_order_release);
  on_new_();
  return id;
}

void Locations::resolve() {
  const std::lock_guard lock(mutex_);
  const uint32_t used = used_.load(std::memory_order_acquire);
  std::vector<Nearest> wanted;
  for (auto id = static_cast<uint32_t>(texts_.size()); id < used; id++) wanted.push_back({addresses_[id], id, 0, ""});
  if (wanted.empty()) return;
  std::ranges::sort(wanted, {}, &Nearest::address);
  read_symbols(wanted);
  texts_.resize(used);
  for (const auto& nearest : wanted) texts_[nearest.id] = text_of(nearest);
}

std::string Locations::text(uint32_t id) {
  if (id >= used_.load(std::memory_order_acquire)) return "";
  resolve();
  const std::lock_guard lock(mutex_);
  return texts_[id];
}

}  // namespace fovea
