/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <napi.h>

#include <set>
#include <string>
#include <vector>

#include "programs.h"

namespace fovea {

/** Readers of option objects. native/capture.ts has checked their shapes; what is absent gets the value given here. */
uint64_t number_or(const Napi::Object& options, const char* name, uint64_t otherwise);
std::string string_or(const Napi::Object& options, const char* name, const std::string& otherwise);
std::vector<std::string> strings(const Napi::Object& options, const char* name);

/** `rodata` (name → number, bigint, boolean or list of them) and `maxEntries` (name → number). */
LoadSettings load_settings(const Napi::Object& options);

}  // namespace fovea
