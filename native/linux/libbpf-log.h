/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <string>

namespace fovea {

/** Collects what libbpf and the verifier print on this thread while it lives, and keeps the end of it. */
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  /** The last lines, at most 4 KiB. */
  std::string tail() const;
  void append(const std::string& text);

 private:
  std::string text_;
  LibbpfLog* outer_;
};

}  // namespace fovea
