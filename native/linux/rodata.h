/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

struct bpf_object;

namespace fovea {

/** Values for the `volatile const` variables of BPF objects: one number per element, cut to the element's size. */
using Rodata = std::map<std::string, std::vector<uint64_t>>;

/**
 * Writes `values` into the `.rodata` of an object that is open and not yet loaded, sized by its BTF. Variables it does
 * not have are passed over; the names of those it has are added to `found`.
 * @throws std::runtime_error when a variable is given more elements than it has
 */
void write_rodata(bpf_object* object, const Rodata& values, std::set<std::string>& found);

}  // namespace fovea
