/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <napi.h>

#include <set>
#include <string>
#include <vector>

#include "classify.h"
#include "programs.h"
#include "reader.h"

namespace fovea {

/** `CaptureOptions` of native/capture.ts. */
struct CaptureOptions {
  struct Object {
    std::string path;
    std::set<std::string> programs;
  };
  std::vector<Object> objects;
  LoadSettings load;
  Patterns patterns;
  std::string attach;
  ReaderSettings reader;
};

CaptureOptions read_capture_options(const Napi::Object& options);
Patterns read_patterns(const Napi::Object& interfaces);

}  // namespace fovea
