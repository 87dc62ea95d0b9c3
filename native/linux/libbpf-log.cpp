/* SPDX-License-Identifier: Apache-2.0 */
#include "libbpf-log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace fovea {
namespace {

constexpr size_t kTailBytes = 4096;
constexpr size_t kKeptBytes = 64 * 1024;

/* libbpf has one print function for the whole process; which log a line belongs to is a matter of the thread. */
thread_local LibbpfLog* current = nullptr;

__attribute__((format(printf, 2, 0))) int print(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || current == nullptr) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string line(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(line.data(), line.size(), format, arguments);
  line.pop_back();
  current->append(line);
  return length;
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current) {
  static std::once_flag installed;
  std::call_once(installed, [] { libbpf_set_print(print); });
  current = this;
}

LibbpfLog::~LibbpfLog() { current = outer_; }

void LibbpfLog::append(const std::string& text) {
  text_ += text;
  if (text_.size() > kKeptBytes) text_.erase(0, text_.size() - kTailBytes);
}

std::string LibbpfLog::tail() const {
  if (text_.size() <= kTailBytes) return text_;
  const size_t from = text_.find('\n', text_.size() - kTailBytes);
  return text_.substr(from == std::string::npos ? text_.size() - kTailBytes : from + 1);
}

}  // namespace fovea
